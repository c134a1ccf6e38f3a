package registry_test

import (
	"context"
	"fmt"
	"net"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// A polls counts the polls that a client sends, and in how many pipelines.
type polls struct {
	mu              sync.Mutex
	sent, pipelines int
}

func (p *polls) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (p *polls) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

func (p *polls) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		n, zcards := 0, 0
		for _, c := range cmds {
			switch c.Name() {
			case "multi":
				n++
			case "zcard":
				zcards++
			}
		}
		if n > 0 && zcards == n {
			p.mu.Lock()
			p.sent, p.pipelines = p.sent+n, p.pipelines+1
			p.mu.Unlock()
		}
		return next(ctx, cmds)
	}
}

// Services that are polled at about the same time are polled in one pipeline, a MULTI
// each.
func TestPollsGoTogether(t *testing.T) {
	t.Parallel()
	const services = 200
	server := redistest.Start(t)
	client := redis.NewClient(&redis.Options{Addr: server.Addr(), ContextTimeoutEnabled: true})
	t.Cleanup(func() { _ = client.Close() })
	count := &polls{}
	client.AddHook(count)
	r := open(t, at(server), registry.Client(client))
	for i := range services {
		watch(t, r, registry.WatchService(fmt.Sprint("shop-", i)))
	}
	count.mu.Lock()
	count.sent, count.pipelines = 0, 0 // the first poll of each comes with its watch
	count.mu.Unlock()
	eventually(t, patience, func() error {
		count.mu.Lock()
		defer count.mu.Unlock()
		if count.sent < 3*services {
			return fmt.Errorf("%d polls were sent", count.sent)
		}
		return nil
	})
	count.mu.Lock()
	defer count.mu.Unlock()
	t.Logf("%d polls in %d pipelines", count.sent, count.pipelines)
	if count.pipelines > count.sent/3 {
		t.Errorf("%d polls took %d pipelines, want a third at most", count.sent, count.pipelines)
	}
}
