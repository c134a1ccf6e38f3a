package record

import "fmt"

// MaxDepth is how many Values may lie within one another.
const MaxDepth = 16

// An Endpoint is one call that a service offers.
type Endpoint struct {
	Name     string            `json:"name,omitempty"`
	Request  *Value            `json:"request,omitempty"`
	Response *Value            `json:"response,omitempty"`
	Metadata map[string]string `json:"metadata,omitempty"`
}

// A Value is the shape of a request, of a response, or of a part of one. None
// in Values is nil, and they lie at most MaxDepth deep.
type Value struct {
	Name   string   `json:"name,omitempty"`
	Type   string   `json:"type,omitempty"`
	Values []*Value `json:"values,omitempty"`
}

// checkEndpoints finds what endpoints may not hold.
func checkEndpoints(endpoints []Endpoint) error {
	values := valueCheck{left: MaxNode / len("{},")}
	for _, e := range endpoints {
		for _, v := range []*Value{e.Request, e.Response} {
			if v == nil {
				continue
			}
			if err := values.check(v, 1); err != nil {
				return fmt.Errorf("endpoint %.64q: %w", e.Name, err)
			}
		}
	}
	return nil
}

// A valueCheck walks Values. It stops after as many as a record can hold: where
// some are shared, few of them can make billions.
type valueCheck struct{ left int }

func (c *valueCheck) check(v *Value, depth int) error {
	c.left--
	switch {
	case c.left < 0:
		return fmt.Errorf("%w: more values than %d bytes hold", ErrTooLarge, MaxNode)
	case v == nil:
		return fmt.Errorf("%w: null among values", ErrMalformed)
	case depth > MaxDepth:
		return fmt.Errorf("%w: values more than %d deep", ErrMalformed, MaxDepth)
	}
	for _, inner := range v.Values {
		if err := c.check(inner, depth+1); err != nil {
			return err
		}
	}
	return nil
}
