package record

import (
	"fmt"
	"math"
	"time"
)

// A Holder is what the field lease of a node's hash says: who holds the node, or
// whose lease was ended. It is
//
//	<lease> <seq> <ttl, ms> <rev>
//
// and in a tombstone <lease> <seq> <self|op>.
type Holder struct {
	Lease string // as Lease.String
	Start int64  // of the lease
	Seq   uint64 // of the change under this lease
	TTL   time.Duration
	Rev   uint64 // of the last registration or change of the record
	Gone  string // in a tombstone: "self", or "op" for an operator; TTL and Rev are 0
}

// ParseHolder reads the field lease. It fails with ErrMalformed.
func ParseHolder(s string) (Holder, error) {
	var f [4]string
	parts := fields(s, f[:])
	if parts < 3 || parts > 4 {
		return Holder{}, fmt.Errorf("holder %.80q: %w: %d parts, want 3 or 4", s, ErrMalformed, parts)
	}
	lease, err := ParseLease(f[0])
	if err != nil {
		return Holder{}, fmt.Errorf("holder: %w", err)
	}
	h, ok := Holder{Lease: f[0], Start: lease.Start}, false
	if h.Seq, ok = decimal(f[1], math.MaxUint64); !ok {
		return Holder{}, fmt.Errorf("holder: %w: seq %.32q, want a number", ErrMalformed, f[1])
	}
	if parts == 3 {
		if h.Gone = f[2]; h.Gone != "self" && h.Gone != "op" {
			return Holder{}, fmt.Errorf("holder: %w: %.32q ended the lease, want self or op", ErrMalformed, f[2])
		}
		return h, nil
	}
	ms, ok := decimal(f[2], math.MaxInt64/uint64(time.Millisecond))
	if !ok || ms == 0 {
		return Holder{}, fmt.Errorf("holder: %w: TTL %.32q, want milliseconds", ErrMalformed, f[2])
	}
	h.TTL = time.Duration(ms) * time.Millisecond
	if h.Rev, ok = decimal(f[3], math.MaxUint64); !ok || h.Rev == 0 {
		return Holder{}, fmt.Errorf("holder: %w: rev %.32q, want a number over 0", ErrMalformed, f[3])
	}
	return h, nil
}

// HeldBy describes the process that holds a node, by the fields lease and data of its hash:
// "held by 10.0.0.1:80, zone eu-1, version 1.2.0, since 2026-01-02T03:04:05Z, process <its lease>". It is "" if
// they cannot be read.
func HeldBy(lease, data string) string {
	h, err := ParseHolder(lease)
	if err != nil {
		return ""
	}
	n, err := DecodeNode([]byte(data))
	if err != nil {
		return ""
	}
	who := n.Address
	if n.Zone != "" {
		who += ", zone " + n.Zone
	}
	if n.Version != "" {
		who += ", version " + n.Version
	}
	return "held by " + who + ", since " + time.UnixMicro(h.Start).UTC().Format(time.RFC3339) + ", process " + h.Lease
}
