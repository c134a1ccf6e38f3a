package record

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/rollcall-go/rollcall/internal/keys"
)

// maxHeader caps the header line of an event, in bytes. An id of 255 bytes
// takes up to 765 once escaped; the rest takes less than 300.
const maxHeader = 2 << 10

// maxEpoch caps the epoch, in bytes.
const maxEpoch = 64

// An Event is one change of one node.
type Event struct {
	Epoch   string    // the history that Rev counts in: any printable ASCII but "live"
	Rev     uint64    // revision after the change, over 0
	Prev    string    // tag of the change before; "" if the history starts here
	Tag     string    // of this change, 40 lower-case hex digits
	Time    time.Time // of the change by Redis's clock: UTC, whole microseconds
	Kind    Kind
	Lease   string // as Lease.String; "" if not known, which only Set and Exp may be
	ID      string // of the node; keys.AllNodes of a Set on all
	Payload []byte // Put: the record; Set: the override, empty if undone; else empty
}

// Encode returns the event as it is published. It does not check its fields.
func (e Event) Encode() []byte {
	b := fmt.Appendf(nil, "%d %s %d %s %s %d %s %s %s\n", Version, e.Epoch, e.Rev, e.Prev, e.Tag,
		e.Time.UnixMicro(), e.Kind, cmp.Or(e.Lease, unknownLease), keys.OverrideField(e.ID))
	return append(b, e.Payload...)
}

// DecodeEvent reads an event; its payload shares b's memory and is not decoded.
// It fails with ErrVersion if another protocol version wrote it, and with
// ErrMalformed on all else that it cannot read.
func DecodeEvent(b []byte) (Event, error) {
	e, err := decodeEvent(b)
	if err != nil {
		return Event{}, fmt.Errorf("event: %w", err)
	}
	return e, nil
}

func decodeEvent(b []byte) (Event, error) {
	first, _, _ := bytes.Cut(b, []byte(" "))
	if v, ok := decimal(string(first), math.MaxUint32); !ok || v == 0 {
		return Event{}, fmt.Errorf("%w: it starts with %.32q, want a version", ErrMalformed, first)
	} else if v != Version {
		return Event{}, fmt.Errorf("%w: %d, want %d", ErrVersion, v, Version)
	}
	header, payload, ok := bytes.Cut(b, []byte("\n"))
	if !ok || len(header) > maxHeader {
		return Event{}, fmt.Errorf("%w: no header line of at most %d bytes", ErrMalformed, maxHeader)
	}
	var f [9]string
	if n := fields(string(header), f[:]); n != len(f) {
		return Event{}, fmt.Errorf("%w: %d fields in the header, want %d", ErrMalformed, n, len(f))
	}
	epoch, prev := f[1], f[3]
	if len(epoch) == 0 || len(epoch) > maxEpoch || strings.ContainsFunc(epoch, unprintable) || epoch == liveKind {
		return Event{}, fmt.Errorf("%w: epoch %.80q, want 1 to %d printable bytes other than %q", ErrMalformed, epoch, maxEpoch, liveKind)
	}
	rev, ok := decimal(f[2], math.MaxUint64)
	if !ok || rev == 0 {
		return Event{}, fmt.Errorf("%w: rev %.32q, want a number over 0", ErrMalformed, f[2])
	}
	if prev != "" && !lowerHex(prev, tagLen) {
		return Event{}, fmt.Errorf("%w: previous tag %.64q, want %d lower-case hex digits", ErrMalformed, prev, tagLen)
	}
	at, err := parseTime(f[5])
	if err != nil {
		return Event{}, err
	}
	c, err := parseChange(f[4], f[6], f[7], f[8])
	if err != nil {
		return Event{}, err
	}
	if err := checkPayload(c.Kind, len(payload)); err != nil {
		return Event{}, err
	}
	return Event{
		Epoch: epoch, Rev: rev, Prev: prev, Tag: c.Tag, Time: at,
		Kind: c.Kind, Lease: c.Lease, ID: c.ID, Payload: payload,
	}, nil
}

// checkPayload finds a payload of a length that events of its kind cannot have.
func checkPayload(k Kind, length int) error {
	least, most := 0, 0
	switch k {
	case Put:
		least, most = 1, MaxNode
	case Set:
		most = MaxOverride
	}
	if length < least || length > most {
		return fmt.Errorf("%w: %d bytes after the header of a %s, want %d to %d", ErrMalformed, length, k, least, most)
	}
	return nil
}

func unprintable(r rune) bool { return r <= ' ' || r > '~' }
