package discovery

// An Observer receives events as they happen: from many goroutines, at times
// concurrently, in the middle of the work. It must return at once.
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
