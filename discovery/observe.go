package discovery

// An Observer receives events soon after they happened, from a goroutine that does
// nothing else: one at a time, and those of a service in their order. It holds up
// nobody, and may call the Resolver, Close included. Where it is slow, it gets the
// newest ViewEvent of a service and the newest 128 EjectEvents; the others are passed
// over.
type Observer func(Event)

// Event is one of ViewEvent and EjectEvent.
type Event interface{ event() }

// ViewEvent: a service changed, in its nodes or in its health.
type ViewEvent struct{ View *View }

// EjectEvent: a node was taken out because calls to it failed, or is back.
type EjectEvent struct {
	Namespace, Service, Node string
	Ejected                  bool
}

func (ViewEvent) event()  {}
func (EjectEvent) event() {}
