package record

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

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
	Tag   string    // of the change, 40 lower-case hex digits
	Time  time.Time // of the change by Redis's clock
	Kind  Kind
	Lease string // as Lease.String; "" if not known, which only Set and Exp may be
	ID    string // of the node; keys.AllNodes of a Set on all
	Note  string // JSON, or ""; see Note
}

// A Note says in the log what an operator did, or with a reason alone, why a process
// deregistered its node.
type Note struct {
	By     string `json:"by,omitempty"` // the operator
	Reason string `json:"reason,omitempty"`

	// Of a Set: what was set, by aspect, and what was undone.
	Set    map[string]any `json:"set,omitempty"`
	Undone []string       `json:"undone,omitempty"`
	Until  int64          `json:"until,omitempty"` // of what was set, ms; 0: no end. Of an Exp, the end of the lease
	Stay   bool           `json:"stay,omitempty"`
}

// Encode returns the note in one line. It fails with ErrTooLarge above MaxNote.
func (n Note) Encode() (string, error) {
	b, err := compact(n)
	if err == nil && len(b) > MaxNote {
		err = fmt.Errorf("note: %w: %d bytes, at most %d", ErrTooLarge, len(b), MaxNote)
	}
	return string(b), err
}

// ParseNote reads a note. What cannot be read is empty.
func ParseNote(s string) (n Note) {
	_ = json.Unmarshal([]byte(s), &n)
	return n
}

// ParseLogEntry reads "<tag> <time> <kind> <lease> <id>", and a note behind it. It fails
// with ErrMalformed.
func ParseLogEntry(s string) (LogEntry, error) {
	f := strings.SplitN(s, " ", 6)
	if len(f) < 5 {
		return LogEntry{}, fmt.Errorf("log entry %.200q: %w: %d fields, want 5 or more", s, ErrMalformed, len(f))
	}
	e, err := parseChange(f[0], f[2], f[3], f[4])
	if err == nil {
		e.Time, err = parseTime(f[1])
	}
	if err != nil {
		return LogEntry{}, fmt.Errorf("log entry: %w", err)
	}
	if len(f) == 6 {
		e.Note = f[5]
	}
	return e, nil
}

// parseTime reads microseconds since 1970.
func parseTime(s string) (time.Time, error) {
	us, ok := decimal(s, maxMicros)
	if !ok {
		return time.Time{}, fmt.Errorf("%w: time %.32q, want microseconds", ErrMalformed, s)
	}
	return time.UnixMicro(int64(us)).UTC(), nil
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
	if e.Kind == Set {
		e.ID, err = keys.ParseOverrideField(id)
	}
	if e.Kind != Set || err != nil || e.ID != keys.AllNodes {
		e.ID, err = parseID(id)
	}
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
