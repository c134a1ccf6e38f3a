package registry

import (
	"cmp"
	"context"
	"math/rand/v2"
	"time"
)

// A namespaceWatch finds the services of a namespace, or of all, for those that
// watch them without naming one. The first event of a service on the pattern
// tells of it at once; the catalogue tells of those that stand, and of what the
// pattern has missed.
type namespaceWatch struct {
	channel   channel
	namespace string
	watchers  map[*watcher]bool
	names     map[serviceName]bool // found so far
	listAt    time.Time
	listing   bool
	ready     bool  // subscribed, and listed once since
	err       error // why not
	refused   error // the pattern was, and why
}

// watchAll has w follow every service of a namespace.
func (h *hub) watchAll(namespace string, w *watcher) *namespaceWatch {
	ch := channel{name: h.c.space.EventsPattern(namespace, h.c.db), pattern: true}
	n := h.watches[ch]
	if n == nil {
		n = &namespaceWatch{
			channel: ch, namespace: namespace,
			watchers: map[*watcher]bool{}, names: map[serviceName]bool{},
		}
		h.watches[ch] = n
		if h.sub != nil {
			h.sub.ask(ask{channel: ch})
		}
	}
	n.watchers[w] = true
	for name := range n.names {
		h.find(w, name)
	}
	n.tell()
	h.schedule(time.Now())
	return n
}

// unwatchAll ends it.
func (h *hub) unwatchAll(n *namespaceWatch, w *watcher) {
	delete(n.watchers, w)
	for name := range n.names {
		if f := h.feeds[h.c.space.Service(name.namespace, name.name).Events(h.c.db)]; f != nil {
			h.detach(f, w)
		}
	}
	if len(n.watchers) == 0 && h.watches[n.channel] == n {
		delete(h.watches, n.channel)
		if h.sub != nil {
			h.sub.ask(ask{channel: n.channel, leave: true})
		}
	}
}

// found has the watchers follow a service.
func (n *namespaceWatch) found(h *hub, name serviceName) {
	if n.names[name] {
		return
	}
	n.names[name] = true
	for w := range n.watchers {
		h.find(w, name)
	}
}

// find has w follow a service if it watches that name.
func (h *hub) find(w *watcher, name serviceName) {
	if w.service == "" || w.service == name.name {
		h.attach(name, w)
	}
}

// heard takes the channel of an event that the pattern brought.
func (n *namespaceWatch) heard(h *hub, channel string) {
	if ns, svc, err := h.c.space.ParseEvents(channel, h.c.db); err == nil {
		n.found(h, serviceName{ns, svc})
	}
}

// list reads the catalogue when it is due.
func (h *hub) list(n *namespaceWatch, now time.Time) {
	if n.listing || n.listAt.IsZero() {
		return
	}
	if n.listAt.After(now) {
		h.schedule(n.listAt)
		return
	}
	if n.refused != nil && h.sub != nil { // the right may have been given since
		h.sub.ask(ask{channel: n.channel})
	}
	n.listing = true
	var names []serviceName
	var err error
	h.task(func(ctx context.Context) {
		names, err = h.c.listed(ctx, n.namespace)
	}, func(now time.Time) {
		n.listing, n.err = false, classify(err)
		n.listAt = now.Add(h.c.o.PollInterval - rand.N(h.c.o.PollInterval/3))
		for _, name := range names {
			n.found(h, name)
		}
		n.ready = n.ready || err == nil
		n.tell()
		h.schedule(n.listAt)
	})
}

// listed returns what the catalogues list.
func (c *conn) listed(ctx context.Context, namespace string) ([]serviceName, error) {
	namespaces, err := c.namespaces(ctx, namespace)
	if err != nil {
		return nil, err
	}
	var all []serviceName
	for _, ns := range namespaces {
		names, err := c.names(ctx, ns)
		if err != nil {
			return nil, err
		}
		all = append(all, names...)
	}
	return all, nil
}

// subscribed lists from now on: what was not in the catalogue before, the
// pattern will tell of.
func (n *namespaceWatch) subscribed(now time.Time) {
	n.err, n.refused, n.listAt = nil, nil, now
}

// tell lets the watchers know that the watch stands, or why it does not.
func (n *namespaceWatch) tell() {
	for w := range n.watchers {
		w.started(n.ready && n.refused == nil, cmp.Or(n.refused, n.err))
	}
}
