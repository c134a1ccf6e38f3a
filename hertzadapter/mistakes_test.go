package hertzadapter

import (
	"io"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// A server that was registered once goes on, whatever Redis says then, and is
// registered again when Redis takes it.
func TestNothingEndsAServerThatWasRegistered(t *testing.T) {
	redisServer := redistest.Start(t)
	c := clientOf(t, redisServer.URL()).Conn() // which stays, while the others are cut
	defer c.Close()
	refused := make(chan struct{})
	var once atomic.Bool
	log := zerolog.New(io.Discard).Hook(zerolog.HookFunc(func(_ *zerolog.Event, level zerolog.Level, _ string) {
		if level >= zerolog.WarnLevel && once.CompareAndSwap(false, true) {
			close(refused)
		}
	}))
	r := connect(t, redisServer.URL(), registry.TTL(2*time.Second), registry.Logger(log))
	s := serve(t, "one", NewRegistry(r), nil)
	s.up(t)
	must(t, c.ConfigSet(t.Context(), "requirepass", "secret").Err())
	must(t, c.ClientKillByFilter(t.Context(), "TYPE", "normal", "SKIPME", "yes").Err())
	select {
	case <-refused:
	case <-time.After(10 * time.Second):
		t.Fatal("no renewal was refused")
	}
	key := "rollcall:{default/shop}:node:" + s.addr
	await(t, "the lease has run out", func() bool { return c.Exists(t.Context(), key).Val() == 0 })
	select {
	case <-s.done:
		t.Fatal("the server has ended")
	default:
	}
	must(t, c.ConfigSet(t.Context(), "requirepass", "").Err())
	await(t, "it is registered again", func() bool { return c.Exists(t.Context(), key).Val() == 1 })
}
