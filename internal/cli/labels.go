package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Labels are the value of a flag that may be given many times, or once with commas, as
// key=value.
type Labels map[string]string

// Set adds labels.
func (l *Labels) Set(s string) error {
	if *l == nil {
		*l = Labels{}
	}
	for part := range strings.SplitSeq(s, ",") {
		key, value, ok := strings.Cut(part, "=")
		if !ok || key == "" {
			return fmt.Errorf("%q is not key=value", part)
		}
		(*l)[key] = value
	}
	return nil
}

// String returns the labels, sorted.
func (l *Labels) String() string {
	var parts []string
	for _, key := range slices.Sorted(maps.Keys(*l)) {
		parts = append(parts, key+"="+(*l)[key])
	}
	return strings.Join(parts, ",")
}

// Type is shown in the help.
func (l *Labels) Type() string { return "key=value" }

// Match reports whether metadata has all the labels.
func (l Labels) Match(metadata map[string]string) bool {
	for key, value := range l {
		if got, ok := metadata[key]; !ok || got != value {
			return false
		}
	}
	return true
}
