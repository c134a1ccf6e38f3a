// Package condition reads conditions on numbers, such as nodes>=3.
package condition

import (
	"fmt"
	"strconv"
	"strings"
)

// A Condition is a name, an operator and a number.
type Condition struct {
	Name  string
	Op    string // <, <=, =, >=, >
	Value int
}

// Parse reads a condition on one of the names.
func Parse(text string, names ...string) (Condition, error) {
	at := strings.IndexAny(text, "<>=!")
	if at < 0 {
		return Condition{}, wrong(text, names)
	}
	c := Condition{Name: strings.TrimSpace(text[:at])}
	rest := text[at:]
	for _, op := range []string{"<=", ">=", "==", "<", ">", "="} {
		if after, ok := strings.CutPrefix(rest, op); ok {
			c.Op, rest = op, after
			break
		}
	}
	if c.Op == "==" {
		c.Op = "="
	}
	var err error
	c.Value, err = strconv.Atoi(strings.TrimSpace(rest))
	if err != nil || c.Value < 0 || c.Op == "" {
		return Condition{}, wrong(text, names)
	}
	for _, name := range names {
		if c.Name == name {
			return c, nil
		}
	}
	return Condition{}, wrong(text, names)
}

func wrong(text string, names []string) error {
	return fmt.Errorf("condition %q: want NAME, one of < <= = >= >, and a number, such as %s>=3; NAME is %s",
		text, names[0], strings.Join(names, ", "))
}

// String is how the condition is written.
func (c Condition) String() string { return c.Name + c.Op + strconv.Itoa(c.Value) }

// Holds reports whether a number meets the condition.
func (c Condition) Holds(n int) bool {
	switch c.Op {
	case "<":
		return n < c.Value
	case "<=":
		return n <= c.Value
	case ">=":
		return n >= c.Value
	case ">":
		return n > c.Value
	default:
		return n == c.Value
	}
}
