package see

import (
	"fmt"
	"strings"

	"github.com/rollcall-go/rollcall/internal/condition"
)

// conditions on the numbers of a service are the values of a flag that may be given many
// times. All have to be met.
type conditions []condition.Condition

// Set adds a condition.
func (c *conditions) Set(s string) error {
	one, err := condition.Parse(s, "nodes", "up", "draining")
	if err != nil {
		return fmt.Errorf("%w: write nodes, up or draining", err)
	}
	*c = append(*c, one)
	return nil
}

// Type is shown in the help.
func (c *conditions) Type() string { return "condition" }

// String returns the conditions.
func (c *conditions) String() string {
	var parts []string
	for _, one := range *c {
		parts = append(parts, one.String())
	}
	return strings.Join(parts, " and ")
}

// met reports whether a service meets all of them.
func (c *conditions) met(s service) bool {
	numbers := map[string]int{"nodes": s.Nodes, "up": s.Up, "draining": s.Draining}
	for _, one := range *c {
		if !one.Holds(numbers[one.Name]) {
			return false
		}
	}
	return true
}
