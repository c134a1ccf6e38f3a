package demo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cloudwego/hertz/pkg/app/client/discovery"

	"github.com/rollcall-go/rollcall/hertzadapter"
	"github.com/rollcall-go/rollcall/registry"
)

// tagNode is the tag under which a node's name stands.
const tagNode = "node"

// An observer is the resolver that Hertz's balancer asks. It passes each question
// on, prints the view when it changes, and notes when the answers change.
type observer struct {
	discovery.Resolver
	print *printer

	mu      sync.Mutex
	muted   bool
	view    string
	known   map[string]knowledge // by node
	names   map[string]string    // address -> node, of all ever seen
	changed chan struct{}        // closed, and made anew, when known changes
}

// knowledge is what the balancer was told of a node, and since when.
type knowledge struct {
	there bool
	since time.Time
}

func newObserver(r registry.Registry, p *printer) *observer {
	o := &observer{
		print:   p,
		known:   make(map[string]knowledge),
		names:   make(map[string]string),
		changed: make(chan struct{}),
	}
	o.Resolver = hertzadapter.NewResolver(&tap{r, o})
	return o
}

// A tap shows the observer what the resolver reads, draining nodes included.
type tap struct {
	registry.Registry
	o *observer
}

// GetService passes the call on.
func (t *tap) GetService(ctx context.Context, name string, opts ...registry.GetOption) ([]*registry.Service, error) {
	services, err := t.Registry.GetService(ctx, name, opts...)
	if err == nil || errors.Is(err, registry.ErrNotFound) {
		t.o.saw(services)
	}
	return services, err
}

// Resolve passes the question on. An error leaves Hertz with the answer that it
// had, and so its knowledge as it was.
func (o *observer) Resolve(ctx context.Context, desc string) (discovery.Result, error) {
	res, err := o.Resolver.Resolve(ctx, desc)
	if err == nil {
		o.told(res.Instances, time.Now())
	}
	return res, err
}

func (o *observer) saw(services []*registry.Service) {
	view := describe(services)
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, s := range services {
		for _, n := range s.Nodes {
			o.names[n.Address] = n.Metadata[tagNode]
		}
	}
	if view != o.view && !o.muted {
		o.print.line("view", "%s", view)
	}
	o.view = view
}

// describe is the view in one line.
func describe(services []*registry.Service) string {
	var nodes []string
	for _, s := range services {
		for _, n := range s.Nodes {
			node := n.Metadata[tagNode]
			if n.Status != registry.Up {
				node += fmt.Sprintf(" (%s)", n.Status)
			}
			nodes = append(nodes, node)
		}
	}
	if len(nodes) == 0 {
		return "nobody"
	}
	slices.Sort(nodes)
	return strings.Join(nodes, ", ")
}

func (o *observer) told(instances []discovery.Instance, now time.Time) {
	there := make(map[string]bool)
	for _, in := range instances {
		node, _ := in.Tag(tagNode)
		there[node] = true
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	changed := false
	for node := range there {
		if !o.known[node].there {
			o.known[node] = knowledge{true, now}
			changed = true
		}
	}
	for node, k := range o.known {
		if k.there && !there[node] {
			o.known[node] = knowledge{false, now}
			changed = true
		}
	}
	if changed {
		close(o.changed)
		o.changed = make(chan struct{})
	}
}

// await waits until the balancer was told that node is there, or that it is gone,
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

// mute ends the printing: what follows is only the end of the demo. Hertz's
// balancer never stops to ask.
func (o *observer) mute() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.muted = true
}
