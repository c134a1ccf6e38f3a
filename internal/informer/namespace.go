package informer

import (
	"cmp"
	"context"
	"math/rand/v2"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/keys"
	"github.com/rollcall-go/rollcall/internal/record"
	"github.com/rollcall-go/rollcall/internal/redisconn"
)

// A namespaceWatch finds the services of a namespace, or of all namespaces, for
// listeners that have not named one. A pattern subscription brings the first event of a
// service at once. The catalogues list the other services, and those whose events were
// lost. Of the services that are listed, those that have nodes are followed.
//
// A service without nodes costs next to nothing. It is not followed any more after
// vacantFor, and is found again by an event, or by its entry in the catalogue: a process
// enters its services there before it registers, and every 30 s.
type namespaceWatch struct {
	channel   channel // the pattern
	namespace string
	listeners map[NamespaceListener]string   // the name of the service that they follow; "": every one
	services  map[keys.Service]*knownService // that are listed, or have nodes
	checkAll  bool                           // look for nodes of all services: events may have been lost
	refreshAt time.Time                      // when to read the catalogues; zero: not before the pattern is acknowledged
	reading   bool                           // the catalogues are being read
	known     bool                           // they were read, after the pattern was acknowledged
	err       error                          // why not
	refused   error                          // why Redis refuses the pattern
}

// vacantFor is how long a service is followed after its last node.
const vacantFor = 30 * time.Second

// watchNamespace has l follow every service of a namespace, or those of one name.
func (i *Informer) watchNamespace(namespace, name string, l NamespaceListener) *namespaceWatch {
	ch := channel{name: i.c.Space.EventsPattern(namespace, i.c.DB), pattern: true}
	n := i.watches[ch]
	if n == nil {
		n = &namespaceWatch{
			channel: ch, namespace: namespace,
			listeners: map[NamespaceListener]string{}, services: map[keys.Service]*knownService{},
		}
		i.watches[ch] = n
		if i.sub != nil {
			i.sub.subscribe(ch)
		}
	}
	n.listeners[l] = name
	for service, known := range n.services {
		if known.followed {
			i.attachKnown(l, name, service, known)
		}
	}
	n.report()
	i.wakeAt(time.Now())
	return n
}

// unwatchNamespace ends that.
func (i *Informer) unwatchNamespace(n *namespaceWatch, l NamespaceListener) {
	delete(n.listeners, l)
	for service, known := range n.services {
		if f := i.feed(service); f != nil && known.followed {
			i.detach(f, l)
		}
	}
	if len(n.listeners) == 0 && i.watches[n.channel] == n {
		delete(i.watches, n.channel)
		i.accepted(n.channel.name)
		if i.sub != nil {
			i.sub.unsubscribe(n.channel)
		}
	}
}

// follow has the listeners follow a service.
func (i *Informer) follow(n *namespaceWatch, service keys.Service) {
	known := n.services[service]
	if known == nil {
		known = &knownService{}
		n.services[service] = known
	}
	if known.followed {
		return
	}
	known.followed = true
	for l, name := range n.listeners {
		i.attachKnown(l, name, service, known)
	}
}

// attachKnown has l follow a service if it has the name that l wants. The revisions go
// on from where they were when the service was followed before.
func (i *Informer) attachKnown(l NamespaceListener, name string, service keys.Service, known *knownService) {
	if name == "" || name == service.Name() {
		i.attach(service, l).state.Replica.Recall(known.last)
	}
}

// handlePatternEvent takes an event of any service. The end of a node is no reason to
// follow a service.
func (i *Informer) handlePatternEvent(n *namespaceWatch, m *redis.Message) {
	ns, name, err := i.c.Space.ParseEvents(m.Channel, i.c.DB)
	if err != nil {
		return
	}
	service := i.c.Space.Service(ns, name)
	if known := n.services[service]; known == nil || !known.followed {
		if e, err := record.DecodeEvent([]byte(m.Payload)); err == nil && (e.Kind == record.Del || e.Kind == record.Exp) {
			return
		}
	}
	i.follow(n, service)
}

// releaseVacant ends the following of services that have had no node for long.
func (i *Informer) releaseVacant(n *namespaceWatch, now time.Time) {
	for service, known := range n.services {
		f := i.feed(service)
		if !known.followed || f == nil || !f.state.Vacant(now.Add(-cmp.Or(i.o.VacantFor, vacantFor))) {
			continue
		}
		known.followed, known.last, known.checkedAt = false, f.At(), now
		for l := range n.listeners {
			i.detach(f, l)
		}
	}
}

// refresh reads the catalogues when that is due, and looks which services have nodes.
func (i *Informer) refresh(n *namespaceWatch, now time.Time) {
	if n.reading || n.refreshAt.IsZero() {
		return
	}
	if n.refreshAt.After(now) {
		i.wakeAt(n.refreshAt)
		return
	}
	if n.refused != nil && i.sub != nil { // the user may have the right by now
		i.sub.subscribe(n.channel)
	}
	i.releaseVacant(n, now)
	n.reading = true
	var entries map[keys.Service]float64
	var err error
	i.async(func(ctx context.Context) {
		entries, err = readCatalogues(ctx, i.c, n.namespace)
	}, func(now time.Time) {
		if err != nil {
			i.refreshed(n, err, now)
			return
		}
		i.checkSizes(n, n.candidates(entries, i.o.Poll, now))
	})
}

// checkSizes has those of the services followed whose indexes list nodes.
func (i *Informer) checkSizes(n *namespaceWatch, services []keys.Service) {
	var sizes []int64
	var err error
	i.async(func(ctx context.Context) {
		sizes, err = readSizes(ctx, i.c, services)
	}, func(now time.Time) {
		for j, size := range sizes {
			if size > 0 {
				i.follow(n, services[j])
			}
		}
		n.checkAll = n.checkAll || err != nil
		i.refreshed(n, err, now)
	})
}

// refreshed notes that the catalogues were read, or why that failed.
func (i *Informer) refreshed(n *namespaceWatch, err error, now time.Time) {
	n.reading, n.err = false, redisconn.Classify(err)
	n.refreshAt = now.Add(i.o.Poll - rand.N(i.o.Poll/3))
	n.known = n.known || err == nil
	n.report()
	i.wakeAt(n.refreshAt)
}

// subscribed notes that the pattern was acknowledged. The catalogues are read now: they
// list the services whose first event came before.
func (n *namespaceWatch) subscribed(now time.Time) {
	n.err, n.refused, n.refreshAt, n.checkAll = nil, nil, now, true
}

// report informs the listeners whether the services are known, or why not.
func (n *namespaceWatch) report() {
	for l := range n.listeners {
		l.Listed(n.known && n.refused == nil, cmp.Or(n.refused, n.err))
	}
}
