package record

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// nonceLen is the length of a lease's nonce. Its 48 bits are the most that a
// number in Redis's Lua holds in whole hex digits.
const nonceLen = 12

// maxMicros is the latest time that a number in Redis's Lua holds exactly, in
// microseconds: the year 2255.
const maxMicros = 1<<53 - 1

// LastTime is that time.
var LastTime = time.UnixMicro(maxMicros).UTC()

// A Lease is one process's hold on one node. The later one of two, by Compare,
// wins.
type Lease struct {
	Start int64  // microseconds by Redis's clock, over 0
	Nonce string // 12 lower-case hex digits, to separate two of one Start
}

// ParseLease reads "<start>-<nonce>". It fails with ErrMalformed.
func ParseLease(s string) (Lease, error) {
	start, nonce, ok := strings.Cut(s, "-")
	us, numeric := decimal(start, maxMicros)
	if !ok || !numeric || us == 0 || !lowerHex(nonce, nonceLen) {
		return Lease{}, fmt.Errorf("%w: lease %.64q, want <start, us>-<%d hex digits>", ErrMalformed, s, nonceLen)
	}
	return Lease{Start: int64(us), Nonce: nonce}, nil
}

// NewNonce returns 48 random bits.
func NewNonce() string {
	var b [nonceLen / 2]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// String returns "<start>-<nonce>".
func (l Lease) String() string { return strconv.FormatInt(l.Start, 10) + "-" + l.Nonce }

// Compare is negative if l is older than o, positive if it is newer, and 0 if
// they are the same. Nonces are numbers of one length, so they order as text.
func (l Lease) Compare(o Lease) int {
	return cmp.Or(cmp.Compare(l.Start, o.Start), cmp.Compare(l.Nonce, o.Nonce))
}

// decimal reads a whole number in its one spelling, without sign or leading
// zeros, up to limit.
func decimal(s string, limit uint64) (uint64, bool) {
	n, err := strconv.ParseUint(s, 10, 64)
	return n, err == nil && n <= limit && (s[0] != '0' || len(s) == 1)
}

func lowerHex(s string, length int) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return len(s) == length
}
