package record

import (
	"encoding/json"
	"fmt"
	"maps"
)

// An Override is what an operator set on one node. What is nil stays as the
// node says.
type Override struct {
	Status *string // StatusUp ends a drain that the node itself asked for
	Weight *int    // as on the wire: 0 is no calls

	// Metadata is laid over the node's: a string replaces or adds, nil removes.
	Metadata map[string]*string

	Extra map[string]json.RawMessage // fields that we do not know
}

func (o *Override) fields() []field {
	return []field{
		{"status", &o.Status},
		{"weight", &o.Weight},
		{"metadata", &o.Metadata},
	}
}

// Encode returns the override as JSON, deterministic as that of a Node. It
// fails with ErrTooLarge above MaxOverride, and with ErrMalformed on a negative
// weight, text that is not UTF-8, or an Extra under a known name.
func (o Override) Encode() ([]byte, error) {
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("override: %w", err)
	}
	b, err := join(o.fields(), o.Extra, MaxOverride)
	if err != nil {
		return nil, fmt.Errorf("override: %w", err)
	}
	return b, nil
}

// DecodeOverride reads what Encode wrote. It fails with ErrTooLarge or
// ErrMalformed.
func DecodeOverride(data []byte) (Override, error) {
	var o Override
	var err error
	if o.Extra, err = split(data, o.fields(), MaxOverride); err == nil {
		err = o.check()
	}
	if err != nil {
		return Override{}, fmt.Errorf("override: %w", err)
	}
	return o, nil
}

func (o *Override) check() error {
	if o.Weight == nil {
		return nil
	}
	_, err := weight(*o.Weight)
	return err
}

// Apply returns n as the operator wants it seen. The metadata of the result is
// its own; what no override can change is shared with n.
func (o Override) Apply(n Node) Node {
	if o.Status != nil {
		n.Status = *o.Status
	}
	if o.Weight != nil {
		n.Weight, _ = weight(*o.Weight)
	}
	n.Metadata = maps.Clone(n.Metadata)
	for k, v := range o.Metadata {
		switch {
		case v == nil:
			delete(n.Metadata, k)
		case n.Metadata == nil:
			n.Metadata = map[string]string{k: *v}
		default:
			n.Metadata[k] = *v
		}
	}
	return n
}
