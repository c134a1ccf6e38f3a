package registry

import (
	"cmp"
	"context"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/keys"
	"github.com/rollcall-go/rollcall/internal/record"
	"github.com/rollcall-go/rollcall/internal/redisconn"
	"github.com/rollcall-go/rollcall/internal/replica"
)

// A namespaceWatch finds the services of a namespace, or of all, for those that
// watch them without naming one. The first event of a service on the pattern
// tells of it at once. The catalogues tell of the others, and of what the pattern
// has missed: of the names that they list, those that have nodes are followed.
//
// A name without nodes costs next to nothing. It is let go when it had none for
// vacantFor, and found again by an event, or by its entry in the catalogue: a
// process enters its services there before it registers, and every 30 s.
type namespaceWatch struct {
	channel   channel
	namespace string
	watchers  map[*watcher]bool
	names     map[keys.Service]*knownName // that are listed, or have nodes
	afresh    bool                        // look at all names: events may have been lost
	listAt    time.Time
	listing   bool
	ready     bool  // subscribed, and listed once since
	err       error // why not
	refused   error // the pattern was, and why
}

// A knownName is a service that a namespaceWatch knows of.
type knownName struct {
	found bool          // it has nodes, and is followed by those that watch it
	last  replica.Point // where it was when it was let go

	entered       float64   // its entry in the catalogue: when it was last seen, ms
	moved, looked time.Time // ours: when the entry was found to have moved, and when nodes were looked for
}

// The costs of names without nodes.
const (
	vacantFor  = 30 * time.Second // a service is followed for so long after its last node
	looksEvery = time.Second / 15 // for nodes of names that are not followed
	looksFor   = time.Minute      // after an entry has moved: the nodes may come later
)

// watchAll has w follow every service of a namespace.
func (h *hub) watchAll(namespace string, w *watcher) *namespaceWatch {
	ch := channel{name: h.c.Space.EventsPattern(namespace, h.c.DB), pattern: true}
	n := h.watches[ch]
	if n == nil {
		n = &namespaceWatch{
			channel: ch, namespace: namespace,
			watchers: map[*watcher]bool{}, names: map[keys.Service]*knownName{},
		}
		h.watches[ch] = n
		if h.sub != nil {
			h.sub.ask(ask{channel: ch})
		}
	}
	n.watchers[w] = true
	for service, known := range n.names {
		if known.found {
			h.find(w, service, known)
		}
	}
	n.tell()
	h.schedule(time.Now())
	return n
}

// unwatchAll ends it.
func (h *hub) unwatchAll(n *namespaceWatch, w *watcher) {
	delete(n.watchers, w)
	for service, known := range n.names {
		if f := h.feed(service); f != nil && known.found {
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
func (n *namespaceWatch) found(h *hub, service keys.Service) {
	known := n.names[service]
	if known == nil {
		known = &knownName{}
		n.names[service] = known
	}
	if known.found {
		return
	}
	known.found = true
	for w := range n.watchers {
		h.find(w, service, known)
	}
}

// find has w follow a service if it watches that name. Its revisions go on from
// where they were when the service was let go.
func (h *hub) find(w *watcher, service keys.Service, known *knownName) {
	if w.service == "" || w.service == service.Name() {
		h.attach(service, w).Replica.Recall(known.last)
	}
}

// heard takes an event that the pattern brought. The end of a node is no reason to
// follow a service.
func (n *namespaceWatch) heard(h *hub, m *redis.Message) {
	ns, svc, err := h.c.Space.ParseEvents(m.Channel, h.c.DB)
	if err != nil {
		return
	}
	service := h.c.Space.Service(ns, svc)
	if known := n.names[service]; known == nil || !known.found {
		if e, err := record.DecodeEvent([]byte(m.Payload)); err == nil && (e.Kind == record.Del || e.Kind == record.Exp) {
			return
		}
	}
	n.found(h, service)
}

// letGo ends the following of services that have had no node for long.
func (n *namespaceWatch) letGo(h *hub, now time.Time) {
	for service, known := range n.names {
		f := h.feed(service)
		if !known.found || f == nil || !f.Vacant(now.Add(-cmp.Or(h.c.o.vacantFor, vacantFor))) {
			continue
		}
		known.found, known.last, known.looked = false, f.Replica.At(), now
		for w := range n.watchers {
			h.detach(f, w)
		}
	}
}

// list reads the catalogues when it is due, and looks which services have nodes.
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
	n.letGo(h, now)
	n.listing = true
	var entries map[keys.Service]float64
	var err error
	h.task(func(ctx context.Context) {
		entries, err = h.c.listed(ctx, n.namespace)
	}, func(now time.Time) {
		if err != nil {
			n.finish(h, err, now)
			return
		}
		h.seek(n, n.candidates(entries, h.c.o.PollInterval, now))
	})
}

// seek has those of the services followed whose indexes list nodes.
func (h *hub) seek(n *namespaceWatch, services []keys.Service) {
	var sizes []int64
	var err error
	h.task(func(ctx context.Context) {
		sizes, err = h.c.sizes(ctx, services)
	}, func(now time.Time) {
		for i, size := range sizes {
			if size > 0 {
				n.found(h, services[i])
			}
		}
		n.afresh = n.afresh || err != nil
		n.finish(h, err, now)
	})
}

// finish notes how a look at the catalogues went.
func (n *namespaceWatch) finish(h *hub, err error, now time.Time) {
	n.listing, n.err = false, redisconn.Classify(err)
	n.listAt = now.Add(h.c.o.PollInterval - rand.N(h.c.o.PollInterval/3))
	n.ready = n.ready || err == nil
	n.tell()
	h.schedule(n.listAt)
}

// candidates takes what the catalogues list, and returns the names that may have
// got nodes: all of them after events may have been lost, and otherwise those whose
// entries have moved of late, the least looked at first, as many as may be looked at
// in the time between two listings.
func (n *namespaceWatch) candidates(entries map[keys.Service]float64, poll time.Duration, now time.Time) []keys.Service {
	for service, known := range n.names {
		if _, listed := entries[service]; !listed && !known.found {
			delete(n.names, service)
		}
	}
	var some []keys.Service
	for service, entered := range entries {
		known := n.names[service]
		if known == nil {
			known = &knownName{}
			n.names[service] = known
		}
		if known.entered != entered {
			known.entered, known.moved = entered, now
		}
		if !known.found && (n.afresh || now.Sub(known.moved) < looksFor || known.moved.After(known.looked)) {
			some = append(some, service)
		}
	}
	if most := max(1, int(poll/looksEvery)); !n.afresh && len(some) > most {
		slices.SortFunc(some, func(a, b keys.Service) int { return n.names[a].before(n.names[b]) })
		some = some[:most]
	}
	for _, service := range some {
		n.names[service].looked = now
	}
	n.afresh = false
	return some
}

// before orders names by who is to be looked at first: those whose entries have moved
// since they were, and then those that were not for the longest time.
func (a *knownName) before(b *knownName) int {
	if am, bm := a.moved.After(a.looked), b.moved.After(b.looked); am != bm {
		if am {
			return -1
		}
		return 1
	}
	return a.looked.Compare(b.looked)
}

// listed returns what the catalogues list, with when each service was last entered.
func (c *conn) listed(ctx context.Context, namespace string) (map[keys.Service]float64, error) {
	namespaces, err := c.Namespaces(ctx, namespace)
	if err != nil {
		return nil, err
	}
	all := map[keys.Service]float64{}
	for _, ns := range namespaces {
		entries, err := redisconn.Reply(ctx, c.Conn, c.ZRangeWithScores(ctx, c.Space.Services(ns), 0, -1))
		if err != nil {
			return nil, err
		}
		scores := make(map[string]float64, len(entries))
		for _, z := range entries {
			scores[redisconn.Text(z.Member)] = z.Score
		}
		parse := c.ServiceIn(ns)
		redisconn.ParseAll(c.Conn, c.Space.Services(ns), slices.Collect(maps.Keys(scores)), func(member string) (keys.Service, error) {
			service, err := parse(member)
			if err == nil {
				all[service] = max(all[service], scores[member]) // one entry for each version
			}
			return service, err
		})
	}
	return all, nil
}

// sizes returns how many nodes the indexes of services list.
func (c *conn) sizes(ctx context.Context, services []keys.Service) ([]int64, error) {
	sizes := make([]int64, 0, len(services))
	for page := range slices.Chunk(services, redisconn.PageSize) {
		replies, err := redisconn.Pipelined(ctx, c.Conn, page, func(p redis.Pipeliner, s keys.Service) *redis.IntCmd {
			return p.ZCard(ctx, s.Index())
		})
		if err != nil {
			return nil, err
		}
		for _, r := range replies {
			sizes = append(sizes, r.Val())
		}
	}
	return sizes, nil
}

// subscribed lists from now on: what was not in the catalogue before, the
// pattern will tell of.
func (n *namespaceWatch) subscribed(now time.Time) {
	n.err, n.refused, n.listAt, n.afresh = nil, nil, now, true
}

// tell lets the watchers know that the watch stands, or why it does not.
func (n *namespaceWatch) tell() {
	for w := range n.watchers {
		w.started(n.ready && n.refused == nil, cmp.Or(n.refused, n.err))
	}
}
