package registry

import (
	"github.com/rollcall-go/rollcall/internal/informer"
	"github.com/rollcall-go/rollcall/internal/keys"
	"github.com/rollcall-go/rollcall/internal/lifecycle"
	"github.com/rollcall-go/rollcall/internal/redisconn"
	"github.com/rollcall-go/rollcall/internal/registrar"
)

// observe hands an event to the observer, soon and by another goroutine. Without an observer it
// allocates nothing: an E becomes an Event only for one.
func observe[E Event](c *conn, e E) {
	if c.o.Observe != nil {
		c.Log.Event(func() { c.o.Observe(e) })
	}
}

// A sink turns what the registrar reports into events.
type sink struct{ c *conn }

func (s sink) StateChanged(k keys.Service, node string, state lifecycle.State, err error) {
	observe(s.c, StateEvent{Namespace: k.Namespace(), Service: k.Name(), Node: node, State: State(state), Err: failure("renew", k.Namespace(), k.Name(), err)})
}

func (s sink) Renewed(r registrar.Round) {
	observe(s.c, RenewEvent{Calls: r.Calls, Nodes: r.Nodes, Late: r.Late, Took: r.Took, Err: redisconn.Classify(r.Err)})
}

func (s sink) Reaped(k keys.Service, nodes []string) {
	observe(s.c, ReapEvent{Namespace: k.Namespace(), Service: k.Name(), Nodes: nodes})
}

// A readSink turns what the informer reports into events.
type readSink struct{ c *conn }

// readSink returns the sink of the informer, nil where no observer would learn of it.
func (c *conn) readSink() informer.Sink {
	if c.o.Observe == nil {
		return nil
	}
	return readSink{c}
}

func (s readSink) Doubted(k keys.Service, settled bool, err error) {
	observe(s.c, DoubtEvent{Namespace: k.Namespace(), Service: k.Name(), Settled: settled, Err: err})
}

func (s readSink) Gap(k keys.Service) {
	observe(s.c, GapEvent{Namespace: k.Namespace(), Service: k.Name()})
}

func (s readSink) Resubscribed(err error) { observe(s.c, SubscriptionEvent{Err: err}) }

func (s readSink) Read(k keys.Service, r informer.Reading) {
	observe(s.c, ReadEvent{Namespace: k.Namespace(), Service: k.Name(), Why: ReadReason(r.Why), Nodes: r.Nodes, Took: r.Took, Err: r.Err})
}

func (s readSink) Polled(p informer.Polling) {
	observe(s.c, PollEvent{Services: p.Services, Late: p.Late, Took: p.Took, Err: redisconn.Classify(p.Err)})
}

func (s readSink) HealthChanged(f *informer.Feed) {
	k, h := f.Service(), f.Health()
	observe(s.c, HealthEvent{
		Namespace: k.Namespace(), Service: k.Name(), Held: len(f.Held()),
		StaleSince: h.StaleSince, RefusedSince: h.RefusedSince, Err: h.Err,
	})
}
