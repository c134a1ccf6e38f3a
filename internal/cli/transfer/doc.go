// Package transfer has the commands that write what is registered to a file, and bring back
// what no process would bring back by itself.
package transfer

import (
	"encoding/json"
	"time"

	"github.com/rollcall-go/rollcall/registry"
)

// format names the file and its version.
const format = "rollcall-export/1"

// A document is the file.
type document struct {
	Format    string     `json:"format"`
	Taken     time.Time  `json:"taken"` // by the clock of the process that wrote it
	Services  []service  `json:"services"`
	Overrides []override `json:"overrides"`
}

// A service is one version and its nodes, as they registered.
type service struct {
	Namespace string               `json:"namespace"`
	Service   string               `json:"service"`
	Version   string               `json:"version,omitempty"`
	Metadata  map[string]string    `json:"metadata,omitempty"`
	Endpoints []*registry.Endpoint `json:"endpoints,omitempty"`
	APIs      json.RawMessage      `json:"apis,omitempty"`
	Nodes     []node               `json:"nodes"`
}

// A node has the fields of rollcall get nodes -o json.
type node struct {
	ID       string            `json:"id"`
	Network  string            `json:"network,omitempty"`
	Address  string            `json:"address"`
	Weight   int               `json:"weight"` // 0: no calls
	Zone     string            `json:"zone,omitempty"`
	Status   string            `json:"status"`
	Metadata map[string]string `json:"metadata,omitempty"`

	// For people; they are not brought back.
	TTL       string    `json:"ttl"`
	Process   string    `json:"process"`
	Since     time.Time `json:"since"`
	LeaseEnds time.Time `json:"leaseEnds"`
	Revision  uint64    `json:"revision"`
}

// An override is one thing that operators set, with the fields of rollcall get overrides -o json.
type override struct {
	Namespace string     `json:"namespace"`
	Service   string     `json:"service"`
	Node      string     `json:"node"` // "": all nodes
	Aspect    string     `json:"aspect"`
	Value     *string    `json:"value"` // null: the key of the metadata is removed
	By        string     `json:"by"`
	Reason    string     `json:"reason,omitempty"`
	Set       time.Time  `json:"set"`
	Until     *time.Time `json:"until,omitempty"`
	Stay      bool       `json:"stay"`
	InForce   bool       `json:"inForce"`
}
