package render

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"text/template"

	"github.com/rollcall-go/rollcall/registry"
)

// A Source gives a template the services that it names. An error ends the rendering.
type Source interface {
	// Nodes returns the nodes of a service; with ready, those that get calls.
	Nodes(service string, ready bool) ([]*registry.Service, error)

	// Services returns the names of the services that have nodes, sorted.
	Services() ([]string, error)
}

// A Template makes one file.
type Template struct {
	t      *template.Template
	source Source

	// Skipped is called for each node that is left out because of its address. Set it
	// before Render.
	Skipped func(service, id string, why error)
}

// Parse parses the text of a template. file is its name in errors.
func Parse(file, text string, source Source) (*Template, error) {
	t := &Template{source: source, Skipped: func(string, string, error) {}}
	parsed, err := template.New(file).Option("missingkey=zero").Funcs(template.FuncMap{
		"nodes":    func(service string, where ...string) ([]Node, error) { return t.nodes(service, false, where) },
		"ready":    func(service string, where ...string) ([]Node, error) { return t.nodes(service, true, where) },
		"services": source.Services,
		"nginx":    nginx, "haproxy": haproxy,
		"name": name, "quote": quote, "json": asJSON, wordName: word, "raw": raw, "env": os.Getenv,
	}).Parse(text)
	if err != nil {
		return nil, fmt.Errorf("template %w", err)
	}
	protect(parsed)
	t.t = parsed
	return t, nil
}

// Render returns the file as the source has the services now.
func (t *Template) Render() ([]byte, error) {
	var out bytes.Buffer
	if err := t.t.Execute(&out, nil); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func (t *Template) nodes(service string, ready bool, where []string) ([]Node, error) {
	filters, err := parseFilters(where)
	if err != nil {
		return nil, err
	}
	versions, err := t.source.Nodes(service, ready)
	if err != nil {
		return nil, err
	}
	nodes := []Node{}
	for _, s := range versions {
		for _, n := range s.Nodes {
			node, err := newNode(s.Version, n)
			if err != nil {
				t.Skipped(service, n.ID, err)
				continue
			}
			if !slices.ContainsFunc(filters, func(f filter) bool { return !f.matches(node) }) {
				nodes = append(nodes, node)
			}
		}
	}
	return nodes, nil
}
