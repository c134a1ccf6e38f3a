package registry_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// A pausedAnnounce holds back the first answer of the catalogues.
type pausedAnnounce struct {
	once          sync.Once
	held, release chan struct{}
}

func (p *pausedAnnounce) DialHook(next redis.DialHook) redis.DialHook { return next }

func (p *pausedAnnounce) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

func (p *pausedAnnounce) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		err := next(ctx, cmds)
		if strings.Contains(fmt.Sprint(cmds), ":services") {
			p.once.Do(func() {
				close(p.held)
				<-p.release
			})
		}
		return err
	}
}

// A version that a node takes on while the catalogues answer about the one before is
// entered all the same.
func TestAVersionChangedMeanwhileIsEntered(t *testing.T) {
	t.Parallel()
	tp := at(redistest.Start(t))
	client := tp.NewClient(t)
	hook := &pausedAnnounce{held: make(chan struct{}), release: make(chan struct{})}
	client.AddHook(hook)
	r := open(t, tp, registry.Client(client), renewRarely)
	version := func(v string) *registry.Service {
		s := service("shop", node("a"))
		s.Version = v
		return s
	}
	registered := make(chan error, 1)
	go func() { registered <- r.Register(context.Background(), version("1")) }()
	<-hook.held
	var once sync.Once
	check := registry.RegisterCheck(func(context.Context) error {
		once.Do(func() { // the second version is known here, and not entered yet
			close(hook.release)
			if err := <-registered; err != nil {
				t.Error(err)
			}
		})
		return nil
	})
	register(t, r, version("2"), check)
	listed, err := client.ZRange(t.Context(), space(t).Services("default"), 0, -1).Result()
	if err != nil || !slices.Contains(listed, "shop/2") {
		t.Errorf("the catalogue lists %q, %v", listed, err)
	}
}
