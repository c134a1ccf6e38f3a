package lua

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/rollcall-go/rollcall/internal/record"
)

// An event is one message on a service's channel.
type event struct {
	epoch           string
	rev             int
	prev, tag       string
	at              int64 // us
	kind, lease, id string
	payload         string
}

// parseEvent reads what docs promise of an event, and wants package record to
// read the same.
func parseEvent(raw string) (event, error) {
	if e, err := record.DecodeEvent([]byte(raw)); err != nil {
		return event{}, err
	} else if again := string(e.Encode()); again != raw {
		return event{}, fmt.Errorf("package record reads another one: %q", again)
	}
	header, payload, ok := strings.Cut(raw, "\n")
	f := strings.Split(header, " ")
	if !ok || len(f) != 9 || f[0] != "1" {
		return event{}, fmt.Errorf("want a version 1 header of 9 fields and a newline")
	}
	rev, err := strconv.Atoi(f[2])
	if err != nil {
		return event{}, err
	}
	at, err := strconv.ParseInt(f[5], 10, 64)
	if err != nil {
		return event{}, err
	}
	return event{f[1], rev, f[3], f[4], at, f[6], f[7], f[8], payload}, nil
}

// String returns what scenarios check: revision, kind, lease, id, and the
// payload where it is not the usual record.
func (e event) String() string {
	s := fmt.Sprintf("%d %s %s %s", e.rev, e.kind, e.lease, e.id)
	if e.payload != "" && e.payload != usual(e.id) {
		if e.kind == "set" {
			e.payload = plain(e.payload)
		}
		s += " " + e.payload
	}
	return named.Replace(s)
}
