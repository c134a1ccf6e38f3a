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
	"github.com/cloudwego/hertz/pkg/app/client/loadbalance"
	"github.com/cloudwego/hertz/pkg/app/middlewares/client/sd"
	"github.com/cloudwego/hertz/pkg/common/config"
	"github.com/cloudwego/hertz/pkg/protocol"
	"github.com/cloudwego/hertz/pkg/protocol/consts"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/hertzadapter"
	"github.com/rollcall-go/rollcall/registry"
)

// A caller calls the service by its name, one call after the other, as any Hertz
// client would, without retries of its own.
type caller struct {
	client   *client.Client
	observer *observer

	mu      sync.Mutex
	tallies map[string]tally // by node; "" where none was picked
	started bool             // a call was answered
}

// A tally is what became of the calls to one node. Times of picks are when the
// balancer had chosen the node.
type tally struct {
	answered, failed int
	why              map[string]int // reason of failure -> count
	lastPick         time.Time
	firstFailure     time.Time // when it ended
	lastFailurePick  time.Time
}

// picked is the context key under which a call keeps the address that the
// balancer chose, as *string.
type picked struct{}

func newCaller(r *discovery.Resolver, o *observer) (*caller, error) {
	cli, err := client.NewClient(client.WithDialTimeout(callTimeout))
	if err != nil {
		return nil, fmt.Errorf("make a Hertz client: %w", err)
	}
	cli.Use(sd.Discovery(hertzadapter.NewResolver(r), sd.WithLoadBalanceOptions(loadbalance.NewWeightedBalancer(), loadbalance.Options{
		RefreshInterval: refresh,
	})))
	cli.Use(func(next client.Endpoint) client.Endpoint {
		return func(ctx context.Context, req *protocol.Request, resp *protocol.Response) error {
			if address, ok := ctx.Value(picked{}).(*string); ok {
				*address = string(req.Host())
			}
			return next(ctx, req, resp)
		}
	})
	return &caller{client: cli, observer: o, tallies: make(map[string]tally)}, nil
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
	var address string
	req, resp := protocol.AcquireRequest(), protocol.AcquireResponse()
	defer protocol.ReleaseRequest(req)
	defer protocol.ReleaseResponse(resp)
	req.SetRequestURI("http://" + serviceName + "/")
	req.SetOptions(config.WithSD(true), config.WithRequestTimeout(callTimeout))

	start := time.Now()
	err := c.client.Do(context.WithValue(ctx, picked{}, &address), req, resp)
	if err == nil && resp.StatusCode() != consts.StatusOK {
		err = fmt.Errorf("status %d", resp.StatusCode())
	}
	if ctx.Err() != nil {
		return
	}
	node := c.observer.nodeAt(address)
	if err == nil {
		node = string(resp.Body())
	}
	c.note(node, err, start, time.Now())
}

// note counts one call. Before the first answer nobody is there yet to call, and
// that does not count.
func (c *caller) note(node string, err error, start, end time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.started && errors.Is(err, registry.ErrNotFound) {
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
