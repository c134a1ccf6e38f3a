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

// A polls counts the polls that a client sends, and in how many MULTIs.
type polls struct {
	mu           sync.Mutex
	sent, multis int
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
		if n > 0 && zcards > 0 {
			p.mu.Lock()
			p.sent, p.multis = p.sent+zcards, p.multis+n
			p.mu.Unlock()
		}
		return next(ctx, cmds)
	}
}

// Services that are due at about the same time are polled in one MULTI.
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
	count.sent, count.multis = 0, 0 // the first poll of each comes with its watch
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
	t.Logf("%d polls in %d MULTIs", count.sent, count.multis)
	if count.multis > count.sent/10 {
		t.Errorf("%d polls took %d MULTIs, want a tenth at most", count.sent, count.multis)
	}
}
