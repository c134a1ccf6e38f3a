// Package plan describes what is to be registered.
package plan

import (
	"context"
	"time"

	"github.com/rollcall-go/rollcall/internal/keys"
	"github.com/rollcall-go/rollcall/internal/lifecycle"
)

// A Plan is a registration that was checked, ready to be written.
type Plan struct {
	Service       keys.Service
	Version       string
	Nodes         []Node
	TTL, Interval time.Duration
	Exclusive     bool                         // refuse to take a node over from a process that lives
	Manual        bool                         // the caller renews
	Retry         bool                         // go on in the background
	Check         func(context.Context) error  // is asked before each renewal; or nil
	OnState       func(lifecycle.State, error) // takes changes of state, through the reporter; or nil
}

// A Node is one node of a Plan.
type Node struct {
	ID         string
	Data, APIs []byte // its record, and the API document, or nil
}
