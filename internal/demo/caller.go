package demo

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/cloudwego/hertz/pkg/app/client"
	"github.com/cloudwego/hertz/pkg/common/config"
	"github.com/cloudwego/hertz/pkg/protocol"
	"github.com/cloudwego/hertz/pkg/protocol/consts"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/hertzadapter"
	"github.com/rollcall-go/rollcall/registry"
)

// A caller calls the service by its name, one call after the other, as any Hertz
// client would.
type caller struct {
	client   *client.Client
	observer *observer

	mu      sync.Mutex
	tallies map[string]tally // of tries by node; "" of calls that failed in the end
	started bool             // a call was answered
}

// A tally is what became of the tries of one node. Times of picks are when the
// node had been chosen.
type tally struct {
	answered, failed int
	why              map[string]int // reason of failure -> count
	lastPick         time.Time
	firstFailure     time.Time // when it ended
	lastFailurePick  time.Time
}

func newCaller(r *discovery.Resolver, o *observer) (*caller, error) {
	cli, err := client.NewClient(client.WithDialTimeout(callTimeout))
	if err != nil {
		return nil, fmt.Errorf("make a Hertz client: %w", err)
	}
	c := &caller{client: cli, observer: o, tallies: make(map[string]tally)}
	cli.Use(hertzadapter.Discovery(r), c.try)
	return c, nil
}

// try notes each try of a call, whose node has been picked.
func (c *caller) try(next client.Endpoint) client.Endpoint {
	return func(ctx context.Context, req *protocol.Request, resp *protocol.Response) error {
		start, address := time.Now(), string(req.Host())
		err := next(ctx, req, resp)
		if ctx.Err() == nil {
			c.note(c.observer.nodeAt(address), err, start, time.Now())
		}
		return err
	}
}

// run calls until the context ends.
func (c *caller) run(ctx context.Context) {
	defer c.client.CloseIdleConnections()
	ticker := time.NewTicker(callEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			c.call(ctx)
		}
	}
}

func (c *caller) call(ctx context.Context) {
	req, resp := protocol.AcquireRequest(), protocol.AcquireResponse()
	defer protocol.ReleaseRequest(req)
	defer protocol.ReleaseResponse(resp)
	req.SetRequestURI("http://" + serviceName + "/")
	req.SetOptions(config.WithSD(true), config.WithRequestTimeout(callTimeout))

	start := time.Now()
	err := c.client.Do(ctx, req, resp)
	if err == nil && resp.StatusCode() != consts.StatusOK {
		err = fmt.Errorf("status %d", resp.StatusCode())
	}
	if err != nil && ctx.Err() == nil {
		c.note("", err, start, time.Now())
	}
}

// note counts one try, or one call that failed in the end. Before the first try
// there is no server yet to call, and that does not count.
func (c *caller) note(node string, err error, start, end time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.started && (errors.Is(err, registry.ErrNotFound) || errors.Is(err, discovery.ErrNoNodes)) {
		return
	}
	c.started = true
	t := c.tallies[node]
	t.lastPick = start
	if err == nil {
		t.answered++
	} else {
		if t.failed == 0 {
			t.firstFailure = end
			t.why = make(map[string]int)
		}
		t.failed++
		t.lastFailurePick = start
		t.why[root(err)]++
	}
	c.tallies[node] = t
}

// root is the innermost cause of err: without addresses, so that equal causes
// have equal texts. Hertz's network library numbers its errors beyond those of
// the system, and wraps the text around the number.
func root(err error) string {
	for {
		inner := errors.Unwrap(err)
		if inner == nil || strings.HasPrefix(inner.Error(), "errno ") {
			return err.Error()
		}
		err = inner
	}
}

// count returns the tallies so far.
func (c *caller) count() map[string]tally {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := maps.Clone(c.tallies)
	for node, t := range all {
		t.why = maps.Clone(t.why)
		all[node] = t
	}
	return all
}
