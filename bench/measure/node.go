package measure

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/rollcall-go/rollcall/registry"
)

// Padding makes a node's record as long as Record, which the peers store for a node where
// nothing reads it: 250 bytes.
var (
	Padding = strings.Repeat("x", 200)
	Record  = `{"address":"10.0.0.1:8080","metadata":{"m":"` + Padding + `"}}`
)

// NodeID is the address of node i, and its ID.
func NodeID(i int) string { return fmt.Sprintf("10.0.%d.%d:8080", i/250, i%250) }

// Tags are the five of a node.
var Tags = map[string]string{"zone": "eu-1a", "commit": "4f2c9d1", "host": "node-0231", "team": "orders", "shard": "17"}

// Tagged is a service of n nodes with these tags.
func Tagged(name string, n int) *registry.Service {
	s := &registry.Service{Name: name}
	for i := range n {
		s.Nodes = append(s.Nodes, &registry.Node{Address: NodeID(i), Metadata: Tags})
	}
	return s
}

// An entry is what the other designs store for a node with the tags: what a node needs, and
// no empty fields.
type entry struct {
	Addr   string            `json:"addr"`
	Weight int               `json:"weight"`
	Tags   map[string]string `json:"tags"`
}

// Document is what the other designs store for node i.
func Document(tb testing.TB, i int) []byte {
	doc, err := json.Marshal(entry{NodeID(i), 10, Tags})
	if err != nil {
		tb.Fatal(err)
	}
	return doc
}

// Decode reads a Document.
func Decode(doc []byte) (*registry.Node, error) {
	var e entry
	if err := json.Unmarshal(doc, &e); err != nil {
		return nil, err
	}
	return &registry.Node{ID: e.Addr, Address: e.Addr, Weight: e.Weight, Metadata: e.Tags}, nil
}
