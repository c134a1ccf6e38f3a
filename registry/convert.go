package registry

import (
	"fmt"

	"github.com/rollcall-go/rollcall/internal/record"
)

// nodeRecord is a node's own record, on top of what its service shares.
func nodeRecord(shared record.Node, n *Node) record.Node {
	r := shared
	r.Network, r.Address, r.Weight, r.Zone, r.Metadata = n.Network, n.Address, n.Weight, n.Zone, n.Metadata
	if n.Status == Draining {
		r.Status = record.StatusDraining
	}
	return r
}

// fromRecord is the node that a record describes. A status that we do not know
// comes from a newer writer; only draining keeps calls away.
func fromRecord(id string, r record.Node) *Node {
	n := &Node{
		ID: id, Network: r.Network, Address: r.Address,
		Weight: r.Weight, Zone: r.Zone, Metadata: r.Metadata,
	}
	if r.Status == record.StatusDraining {
		n.Status = Draining
	}
	return n
}

// describe fills in what belongs to the version, from the record of one node.
func (s *Service) describe(r record.Node) {
	s.Metadata, s.TTL, s.Endpoints = r.ServiceMetadata, r.TTL, nil
	for _, e := range r.Endpoints {
		s.Endpoints = append(s.Endpoints, &Endpoint{
			Name: e.Name, Request: fromValue(e.Request), Response: fromValue(e.Response), Metadata: e.Metadata,
		})
	}
}

// toValue copies v for a record. The budget ends what is shared or refers to
// itself, and what no record can hold anyway.
func toValue(v *Value, budget *int) (*record.Value, error) {
	if v == nil {
		return nil, nil
	}
	if *budget--; *budget < 0 {
		return nil, fmt.Errorf("there are over %d values, or they contain themselves", record.MaxNode)
	}
	r := &record.Value{Name: v.Name, Type: v.Type}
	for _, inner := range v.Values {
		if inner == nil {
			return nil, fmt.Errorf("a value of %q is nil", v.Name)
		}
		c, err := toValue(inner, budget)
		if err != nil {
			return nil, err
		}
		r.Values = append(r.Values, c)
	}
	return r, nil
}

func fromValue(r *record.Value) *Value {
	if r == nil {
		return nil
	}
	v := &Value{Name: r.Name, Type: r.Type}
	for _, inner := range r.Values {
		v.Values = append(v.Values, fromValue(inner))
	}
	return v
}
