// Package community knows the data of hertz-contrib/registry/redis, the community's
// registry for Hertz on Redis, so that a fleet can move from there one process at a
// time.
//
// That registry keeps one hash for each service, /hertz/<service>/server, from
// address to JSON. A server writes its field once, when it starts, and removes it
// when it stops. Every 30 s it sets the expiry of the whole hash to 60 s. So a field
// outlives its server for as long as any other server of the service lives.
//
// Our fields carry a mark that the old decoder passes over. It says whose they are,
// so that they can be taken out when their node is gone, and no others ever are.
package community

import (
	"encoding/json"
	"fmt"
	"net"
	"time"
)

// Expiry is the least expiry of a hash: what the old registry sets by default.
const Expiry = time.Minute

// Key names the hash of a service. The older ones of the old registry's writers also
// publish their comings and goings on a channel of that name.
func Key(service string) string { return "/hertz/" + service + "/server" }

// An Entry is the value of one field of the hash.
type Entry struct {
	Service string            `json:"service_name"`
	Addr    string            `json:"addr"` // the field, too
	Weight  int               `json:"weight"`
	Tags    map[string]string `json:"tags"`
	Mark    *Mark             `json:"rollcall,omitempty"` // nil in the fields of others
}

// A Mark makes a field ours. No two registrations have the same one, so that a field
// that was written anew is never taken for the one before it.
type Mark struct {
	Home
	Nonce string `json:"nonce"`
}

// A Home is the part of a Redis where one registry keeps its nodes. Only those who
// read it know which of its nodes are gone.
type Home struct {
	Prefix    string `json:"prefix"`
	Namespace string `json:"namespace"`
}

// Encode returns the value of the field e.Addr. It always names all four of the old
// keys: the old reader decodes all fields into the same variable, where what is
// missing stays as the field before it left it.
func (e Entry) Encode() string {
	if len(e.Tags) == 0 {
		e.Tags = nil // null empties the old reader's map, {} does not
	}
	b, _ := json.Marshal(e) // strings and numbers cannot fail
	return string(b)
}

// Decode reads a value. It is an error if it holds no host:port, as that of a server
// on a unix socket: the old reader takes every address for one of TCP.
func Decode(value string) (Entry, error) {
	var e Entry
	if err := json.Unmarshal([]byte(value), &e); err != nil {
		return Entry{}, fmt.Errorf("community: decode: %w", err)
	}
	if _, _, err := net.SplitHostPort(e.Addr); err != nil {
		return Entry{}, fmt.Errorf("community: decode: %w", err)
	}
	return e, nil
}

// Of reports whether e is ours, and at home there.
func (e Entry) Of(home Home) bool { return e.Mark != nil && e.Mark.Home == home }
