package demo

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/registry"
)

// tagNode is the tag that holds the name of a node.
const tagNode = "node"

// An observer follows the client's view. It prints the view when it changes, and
// notes when the client came to know of whom.
type observer struct {
	print *printer

	mu      sync.Mutex
	muted   bool
	view    string
	known   map[string]knowledge // by node
	names   map[string]string    // address -> node, of all ever seen
	changed chan struct{}        // closed, and made anew, when known changes
}

// knowledge is what the client knows of a node, and since when.
type knowledge struct {
	there bool // it may be called
	since time.Time
}

func newObserver(p *printer) *observer {
	return &observer{
		print:   p,
		known:   make(map[string]knowledge),
		names:   make(map[string]string),
		changed: make(chan struct{}),
	}
}

// watch follows the client's view until the context ends.
func (o *observer) watch(ctx context.Context, r *discovery.Resolver) {
	for v := range r.Changes(ctx, serviceName) {
		o.saw(v.Nodes(), time.Now())
	}
}

// saw takes the nodes of a view.
func (o *observer) saw(nodes []*registry.Node, now time.Time) {
	view := describe(nodes)
	up := make(map[string]bool)
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, n := range nodes {
		name := n.Metadata[tagNode]
		o.names[n.Address] = name
		up[name] = n.Status == registry.Up
	}
	if view != o.view && !o.muted {
		o.print.line("view", "%s", view)
	}
	o.view = view
	changed := false
	for name := range o.known {
		if _, there := up[name]; !there {
			up[name] = false
		}
	}
	for name, there := range up {
		if o.known[name].there != there {
			o.known[name] = knowledge{there, now}
			changed = true
		}
	}
	if changed {
		close(o.changed)
		o.changed = make(chan struct{})
	}
}

// describe is the view in one line.
func describe(all []*registry.Node) string {
	var nodes []string
	for _, n := range all {
		node := n.Metadata[tagNode]
		if n.Status != registry.Up {
			node += fmt.Sprintf(" (%s)", n.Status)
		}
		nodes = append(nodes, node)
	}
	if len(nodes) == 0 {
		return "none"
	}
	slices.Sort(nodes)
	return strings.Join(nodes, ", ")
}

// await waits until the client knows that node may be called, or that it may not,
// and returns when that was.
func (o *observer) await(ctx context.Context, node string, there bool) (time.Time, error) {
	for {
		o.mu.Lock()
		k, changed := o.known[node], o.changed
		o.mu.Unlock()
		if !k.since.IsZero() && k.there == there {
			return k.since, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return time.Time{}, context.Cause(ctx)
		}
	}
}

// nodeAt returns the name of the node at an address.
func (o *observer) nodeAt(address string) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.names[address]
}

// mute ends the printing: what follows is only the end of the demo.
func (o *observer) mute() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.muted = true
}
