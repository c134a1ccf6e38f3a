package see

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/rollcall-go/rollcall/internal/cli"
)

// A condition compares one number of a service, as in nodes>=3.
type condition struct {
	field, operator string
	want            int
}

// fields are the numbers of a service that a condition can compare.
var fields = map[string]func(service) int{
	"nodes":    func(s service) int { return s.Nodes },
	"up":       func(s service) int { return s.Up },
	"draining": func(s service) int { return s.Draining },
}

// operators, those that begin like another one after it.
var operators = []struct {
	sign string
	met  func(got, want int) bool
}{
	{">=", func(got, want int) bool { return got >= want }},
	{"<=", func(got, want int) bool { return got <= want }},
	{">", func(got, want int) bool { return got > want }},
	{"<", func(got, want int) bool { return got < want }},
	{"=", func(got, want int) bool { return got == want }},
}

// parseCondition reads FIELD OPERATOR NUMBER, with or without spaces.
func parseCondition(s string) (condition, error) {
	for _, op := range operators {
		field, number, ok := strings.Cut(s, op.sign)
		if !ok {
			continue
		}
		field = strings.TrimSpace(field)
		want, err := strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(number, "=")))
		if fields[field] == nil || err != nil || want < 0 {
			break
		}
		return condition{field, op.sign, want}, nil
	}
	return condition{}, fmt.Errorf("%s is no condition: write nodes, up or draining, then >=, >, =, < or <=, then a number, as in 'nodes>=3'", cli.Text(s))
}

// met reports whether a service meets the condition.
func (c condition) met(s service) bool {
	for _, op := range operators {
		if op.sign == c.operator {
			return op.met(fields[c.field](s), c.want)
		}
	}
	return false
}

// String returns the condition as it is written.
func (c condition) String() string { return c.field + c.operator + strconv.Itoa(c.want) }

// conditions are the values of a flag that may be given many times. All have to be met.
type conditions []condition

// Set adds a condition.
func (c *conditions) Set(s string) error {
	one, err := parseCondition(s)
	if err == nil {
		*c = append(*c, one)
	}
	return err
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

func (c *conditions) met(s service) bool {
	for _, one := range *c {
		if !one.met(s) {
			return false
		}
	}
	return true
}
