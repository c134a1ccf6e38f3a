package discovery

import "github.com/rollcall-go/rollcall/internal/views"

// An Observer receives events soon after they happened, one at a time, from a goroutine of
// its own. The events of one service come in order. Observers may block, and may call the
// Resolver, Close too. A slow one gets only the newest ViewEvent of each service and the
// newest 128 EjectEvents.
//
// Calls and retries are no events: there are too many of them. Resolver.Stats counts them.
type Observer func(Event)

// Event is one of ViewEvent and EjectEvent.
type Event interface{ event() }

// A ViewEvent says that a service has changed, its nodes or its health.
type ViewEvent struct{ View *View }

// An EjectEvent says that a node was ejected because calls to it failed, or that it is back.
type EjectEvent struct {
	Namespace, Service, Node string
	Ejected                  bool
}

func (ViewEvent) event()  {}
func (EjectEvent) event() {}

// viewed and ejected have an Observer called.
func (f Observer) viewed(s *views.Set) { f(ViewEvent{public(s)}) }

func (f Observer) ejected(e views.Ejection) {
	f(EjectEvent{Namespace: e.Name.Namespace, Service: e.Name.Service, Node: e.Node, Ejected: e.Ejected})
}
