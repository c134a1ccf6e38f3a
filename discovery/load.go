package discovery

import (
	"sync/atomic"
	"time"
)

// A load is how busy a node is, as far as this process can tell.
type load struct {
	calls atomic.Int64 // under way
}

func (l *load) begin() { l.calls.Add(1) }

func (l *load) end(took time.Duration, v verdict) { l.calls.Add(-1) }
