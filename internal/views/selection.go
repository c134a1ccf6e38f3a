package views

import (
	"fmt"
	"strings"

	"github.com/rollcall-go/rollcall/registry"
)

// A Selection says which nodes a call may go to. It is a key of maps.
type Selection struct {
	ByVersion bool
	Version   string
	Zone      string // is preferred; "": none
	Labels    [MaxLabels]Label
	Filter    *Filter
}

// MaxLabels is how many labels a Selection may have.
const MaxLabels = 8

// A Label is a key of the metadata and its value; the zero value is none.
type Label struct{ Key, Value string }

// A Filter keeps the nodes for which it returns true.
type Filter struct{ Keep func(*registry.Node) bool }

// Empty says whether the selection is that of all nodes.
func (s *Selection) Empty() bool { return *s == Selection{} }

// Matches says whether a node is one of the selection.
func (s *Selection) Matches(m *Member) bool {
	if s.ByVersion && m.version.name != s.Version {
		return false
	}
	for _, l := range s.Labels {
		if l == (Label{}) {
			break
		}
		value, own := m.Metadata[l.Key]
		if !own {
			value = m.version.metadata[l.Key]
		}
		if value != l.Value {
			return false
		}
	}
	return s.Filter == nil || s.Filter.Keep(m.Node)
}

// String names the parts of a selection that leave nodes out, as a call gives them.
func (s *Selection) String() string {
	var parts []string
	if s.ByVersion {
		parts = append(parts, fmt.Sprintf("Version(%q)", s.Version))
	}
	for _, l := range s.Labels {
		if l != (Label{}) {
			parts = append(parts, fmt.Sprintf("Label(%q, %q)", l.Key, l.Value))
		}
	}
	if s.Filter != nil {
		parts = append(parts, "the Filter")
	}
	return strings.Join(parts, ", ")
}
