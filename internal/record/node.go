package record

import (
	"encoding/json"
	"fmt"
	"math"
	"time"
)

// Status of a node. Others may come from newer writers and are kept as they are.
const (
	StatusUp       = ""
	StatusDraining = "draining"
)

// NoTraffic is the Weight of a node that gets no calls. On the wire it is 0, which is
// what it means there; in Go a Weight that was not set is 0.
const NoTraffic = -1

// A Node is the record of one node, and of the service as this node sees it.
type Node struct {
	V        int               // protocol version of a writer newer than us; else 0
	Version  string            // of the service
	Network  string            // "" means tcp
	Address  string            // never empty
	Weight   int               // 0 means the default; NoTraffic or more
	Zone     string            // where it runs
	Status   string            // StatusUp, StatusDraining or one that we do not know
	Metadata map[string]string // of the node
	TTL      time.Duration     // of its lease; whole milliseconds are kept

	ServiceMetadata map[string]string
	Endpoints       []Endpoint
	APIs            string // hash of the API document, "" if there is none

	Extra map[string]json.RawMessage // top-level fields that we do not know
}

// nodeWire holds the fields of a Node that look different on the wire.
type nodeWire struct {
	v       int   // encoding: 0 for Version, which is left out
	weight  *int  // nil: the default
	ttl     int64 // ms
	service *serviceWire
}

type serviceWire struct {
	Metadata  map[string]string `json:"metadata,omitempty"`
	Endpoints []Endpoint        `json:"endpoints,omitempty"`
}

func (n *Node) fields(w *nodeWire) []field {
	return []field{
		{"v", &w.v},
		{"version", &n.Version},
		{"network", &n.Network},
		{"address", &n.Address},
		{"weight", &w.weight},
		{"zone", &n.Zone},
		{"status", &n.Status},
		{"metadata", &n.Metadata},
		{"ttl", &w.ttl},
		{"service", &w.service},
		{"apis", &n.APIs},
	}
}

// Encode returns the record as JSON. It fails with ErrTooLarge above MaxNode,
// and with ErrMalformed on what DecodeNode would refuse or not give back: no
// address, a weight under NoTraffic, a negative TTL, a nil or too deep Value, text that is not
// UTF-8, an Extra under a known name.
func (n Node) Encode() ([]byte, error) {
	if err := n.check(); err != nil {
		return nil, fmt.Errorf("node record: %w", err)
	}
	w := nodeWire{ttl: n.TTL.Milliseconds()}
	if n.V > Version {
		w.v = n.V
	}
	if n.Weight != 0 {
		w.weight = new(max(n.Weight, 0))
	}
	if len(n.ServiceMetadata) > 0 || len(n.Endpoints) > 0 {
		w.service = &serviceWire{n.ServiceMetadata, n.Endpoints}
	}
	b, err := join(n.fields(&w), n.Extra, MaxNode)
	if err != nil {
		return nil, fmt.Errorf("node record: %w", err)
	}
	return b, nil
}

// DecodeNode reads what Encode wrote, and what newer writers may have made of
// it. It fails with ErrTooLarge or ErrMalformed. The node may share the memory of a string.
func DecodeNode[Text string | []byte](data Text) (Node, error) { return decode(string(data), nil) }

func decode(text string, maps *Decoder) (Node, error) {
	if n, plain := decodePlain(text, maps); plain {
		return n, nil
	}
	n, err := decodeNode([]byte(text))
	if err != nil {
		return Node{}, fmt.Errorf("node record: %w", err)
	}
	return n, nil
}

func decodeNode(data []byte) (n Node, err error) {
	w := nodeWire{v: Version}
	if n.Extra, err = split(data, n.fields(&w), MaxNode); err != nil {
		return n, err
	}
	if w.v < 1 {
		return n, fmt.Errorf("%w: v: %d, want 1 or more", ErrMalformed, w.v)
	}
	if w.v > Version {
		n.V = w.v
	}
	if w.weight != nil {
		if n.Weight, err = weight(*w.weight); err != nil {
			return n, err
		}
	}
	if w.ttl < 0 || w.ttl > math.MaxInt64/int64(time.Millisecond) {
		return n, fmt.Errorf("%w: ttl: %d ms is out of range", ErrMalformed, w.ttl)
	}
	n.TTL = time.Duration(w.ttl) * time.Millisecond
	if w.service != nil {
		n.ServiceMetadata, n.Endpoints = w.service.Metadata, w.service.Endpoints
	}
	return n, n.check()
}

// check finds what a record may not hold.
func (n *Node) check() error {
	switch {
	case n.Address == "":
		return fmt.Errorf("%w: address: missing", ErrMalformed)
	case n.Weight < NoTraffic:
		return fmt.Errorf("%w: weight: %d is negative", ErrMalformed, n.Weight)
	case n.TTL < 0:
		return fmt.Errorf("%w: ttl: %v is negative", ErrMalformed, n.TTL)
	}
	return checkEndpoints(n.Endpoints)
}

// weight is the Weight of a number on the wire.
func weight(wire int) (int, error) {
	switch {
	case wire < 0:
		return 0, fmt.Errorf("%w: weight: %d is negative", ErrMalformed, wire)
	case wire == 0:
		return NoTraffic, nil
	}
	return wire, nil
}
