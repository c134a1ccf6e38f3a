package record

import (
	"fmt"
	"strings"

	"github.com/rollcall-go/rollcall/internal/keys"
)

// A Kind says what happened to a node.
type Kind string

// The kinds of change.
const (
	Put Kind = "put" // registered, or changed
	Set Kind = "set" // an operator set or undid an override
	Del Kind = "del" // deregistered, by itself or by an operator
	Exp Kind = "exp" // its lease ran out
)

// tagLen is the length of a tag: a SHA-1, in hex.
const tagLen = 40

// unknownLease is written on the wire for a lease that was not known any more.
const unknownLease = "-"

// A LogEntry is one line of a service's log.
type LogEntry struct {
	Tag   string // of the change, 40 lower-case hex digits
	Kind  Kind
	Lease string // as Lease.String; "" if not known, which only Set and Exp may be
	ID    string // of the node
}

// ParseLogEntry reads "<tag> <kind> <lease> <id>". It fails with ErrMalformed.
func ParseLogEntry(s string) (LogEntry, error) {
	var f [4]string
	if n := fields(s, f[:]); n != len(f) {
		return LogEntry{}, fmt.Errorf("log entry %.200q: %w: %d fields, want %d", s, ErrMalformed, n, len(f))
	}
	e, err := parseChange(f[0], f[1], f[2], f[3])
	if err != nil {
		return LogEntry{}, fmt.Errorf("log entry: %w", err)
	}
	return e, nil
}

// parseChange reads what a log entry and an event's header have in common.
func parseChange(tag, kind, lease, id string) (LogEntry, error) {
	e := LogEntry{Tag: tag, Kind: Kind(kind), Lease: lease}
	if !lowerHex(tag, tagLen) {
		return e, fmt.Errorf("%w: tag %.64q, want %d lower-case hex digits", ErrMalformed, tag, tagLen)
	}
	switch e.Kind {
	case Put, Set, Del, Exp:
	default:
		return e, fmt.Errorf("%w: kind %.64q, want put, set, del or exp", ErrMalformed, kind)
	}
	if lease == unknownLease && (e.Kind == Set || e.Kind == Exp) {
		e.Lease = ""
	} else if _, err := ParseLease(lease); err != nil {
		return e, err
	}
	var err error
	e.ID, err = parseID(id)
	return e, err
}

// fields puts the fields of s, which one space separates, in f, and returns how many there
// are. f has those for which it has room.
func fields(s string, f []string) int {
	for n := 0; ; n++ {
		field, rest, more := strings.Cut(s, " ")
		if n < len(f) {
			f[n] = field
		}
		if !more {
			return n + 1
		}
		s = rest
	}
}

// parseID reads the id of a node as it is escaped in keys.
func parseID(id string) (string, error) {
	plain, err := keys.Unescape(id)
	if err != nil {
		return "", fmt.Errorf("%w: id: %w", ErrMalformed, err)
	}
	if plain == "" || keys.EscapeID(plain) != id {
		return "", fmt.Errorf("%w: id %.64q is empty or not escaped as an id", ErrMalformed, id)
	}
	return plain, nil
}
