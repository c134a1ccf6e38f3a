package see

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-go/rollcall/internal/cli"
	"github.com/rollcall-go/rollcall/registry"
)

// An override is what an operator set, as it is printed.
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

	text string
}

func fromOverride(a registry.ActiveOverride) override {
	o := override{
		Namespace: a.Namespace, Service: a.Service, Node: a.Node, Aspect: a.Aspect, Value: a.Value, By: a.By, Reason: a.Reason,
		Set: a.Set.UTC(), Stay: a.Stay, InForce: a.InForce, text: a.String(),
	}
	if !a.Until.IsZero() {
		until := a.Until.UTC()
		o.Until = &until
	}
	return o
}

// ends says when an override ends.
func (o override) ends() string {
	var until string
	if o.Until != nil {
		until = o.Until.Format(time.RFC3339)
	}
	switch {
	case o.Stay:
		return cmp.Or(until, "when undone")
	case until == "":
		return "with its process"
	}
	return until + " or with its process"
}

func (o override) key() [4]string { return [4]string{o.Namespace, o.Service, o.Node, o.Aspect} }

// undone is what is left to be printed of an override that is not there any more.
func (o override) undone() override {
	o.InForce = false
	return o
}

// whose names the node of an override: "" is all nodes of the service.
func whose(node string) string { return cmp.Or(node, "(all)") }

func overridesText(all []override) string {
	var parts []string
	for _, o := range all {
		text := o.text + " by " + o.By
		if o.Node == "" {
			text = "all nodes: " + text
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, "; ")
}

func overrideColumns(namespaces bool) []cli.Column[override] {
	columns := []cli.Column[override]{
		{Name: "SERVICE", Cell: func(o override) string { return o.Service }},
		{Name: "NODE", Cell: func(o override) string { return whose(o.Node) }},
		{Name: "SET", Cell: func(o override) string { return o.text }},
		{Name: "BY", Cell: func(o override) string { return o.By }},
		{Name: "REASON", Cell: func(o override) string { return o.Reason }},
		{Name: "ENDS", Cell: override.ends},
		{Name: "IN FORCE", Cell: func(o override) string { return yes(o.InForce) }, Style: func(o override) cli.Style {
			if o.InForce {
				return cli.Plain
			}
			return cli.Faint
		}},
		{Name: "SINCE", Wide: true, Cell: func(o override) string { return o.Set.Format(time.RFC3339) }},
	}
	if namespaces {
		columns = slices.Insert(columns, 0, cli.Column[override]{Name: "NAMESPACE", Cell: func(o override) string { return o.Namespace }})
	}
	return columns
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
