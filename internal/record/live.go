package record

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/rollcall-go/rollcall/internal/keys"
)

// MaxLive is how many nodes one Live names at most.
const MaxLive = 100

// maxWhy caps the reason of a Live, in bytes.
const maxWhy = 512

// liveKind is written where an event has its epoch.
const liveKind = "live"

// A Live reports that nodes of one service are alive although Redis refuses to
// renew their leases. It is no change: it has no revision and no tag.
type Live struct {
	Since time.Time // when Redis began to refuse, by its clock: UTC, whole microseconds
	Why   string    // what Redis said, in one line
	Nodes []LiveNode
}

// A LiveNode is one node of a Live.
type LiveNode struct {
	Lease string // as Lease.String
	ID    string
}

// Encode returns the message as it is published. Of Why it takes one line of at
// most 512 bytes; it does not check the other fields.
func (l Live) Encode() []byte {
	b := fmt.Appendf(nil, "%d %s %d %s\n", Version, liveKind, l.Since.UnixMicro(), oneLine(l.Why))
	for _, n := range l.Nodes {
		b = fmt.Appendf(b, "%s %s\n", n.Lease, keys.EscapeID(n.ID))
	}
	return b
}

// oneLine makes text what a header can hold.
func oneLine(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	for len(text) > maxWhy {
		_, last := utf8.DecodeLastRuneInString(text)
		text = text[:len(text)-last]
	}
	return text
}

// IsLive reports whether a message of a channel is to be read as a Live, and not as
// an Event.
func IsLive(b []byte) bool {
	return bytes.HasPrefix(b, []byte(strconv.Itoa(Version)+" "+liveKind+" "))
}

// DecodeLive reads a message for which IsLive is true. It fails with ErrMalformed.
func DecodeLive(b []byte) (Live, error) {
	lines := strings.Split(string(b), "\n")
	header := strings.SplitN(lines[0], " ", 4)
	nodes := lines[1:]
	if !IsLive(b) || len(header) != 4 || len(nodes) < 2 || nodes[len(nodes)-1] != "" || len(nodes)-1 > MaxLive {
		return Live{}, fmt.Errorf("live: %w: want a header of 4 fields and 1 to %d lines", ErrMalformed, MaxLive)
	}
	since, ok := decimal(header[2], maxMicros)
	if !ok {
		return Live{}, fmt.Errorf("live: %w: time %.32q, want microseconds", ErrMalformed, header[2])
	}
	l := Live{Since: time.UnixMicro(int64(since)).UTC(), Why: header[3]}
	if l.Why != oneLine(l.Why) {
		return Live{}, fmt.Errorf("live: %w: reason %.80q, want printable text of at most %d bytes", ErrMalformed, l.Why, maxWhy)
	}
	for _, line := range nodes[:len(nodes)-1] {
		lease, id, _ := strings.Cut(line, " ")
		if _, err := ParseLease(lease); err != nil {
			return Live{}, fmt.Errorf("live: %w", err)
		}
		plain, err := parseID(id)
		if err != nil {
			return Live{}, fmt.Errorf("live: %w", err)
		}
		l.Nodes = append(l.Nodes, LiveNode{lease, plain})
	}
	return l, nil
}
