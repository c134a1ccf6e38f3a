package hertzadapter

import (
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	hertzregistry "github.com/cloudwego/hertz/pkg/app/server/registry"
	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// What cannot mend itself ends a Hertz server, as bad input does.
func TestAMistakeEndsTheServer(t *testing.T) {
	secured, open := redistest.Start(t), redistest.Start(t)
	secured.SetConfig("requirepass", "secret")
	open.SetUser("eve", "on", ">secret", "~nothing", "+ping")
	for name, tc := range map[string]struct {
		r    hertzregistry.Registry
		want error
		text string
	}{
		"no password":      {NewRedisRegistry(secured.Addr()), registry.ErrPermission, "set the password"},
		"wrong password":   {NewRedisRegistry(secured.Addr(), WithPassword("x")), registry.ErrPermission, "set the password"},
		"no port":          {NewRedisRegistry("127.0.0.1"), registry.ErrInvalid, "host:port"},
		"no such database": {NewRedisRegistry(open.Addr(), WithDB(99)), registry.ErrInvalid, "DB"},
		"no rights": {
			NewRegistry(connect(t, open.URL(), registry.Username("eve"), registry.Password("secret"))),
			registry.ErrPermission, "NOPERM",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, "one", tc.r, nil)
			select {
			case err := <-s.registered:
				if !errors.Is(err, tc.want) || !strings.Contains(err.Error(), tc.text) {
					t.Errorf("Register: %v, want %v and %q", err, tc.want, tc.text)
				}
			case <-time.After(10 * time.Second):
				t.Fatal("Register has not returned")
			}
			select {
			case <-s.done:
			case <-time.After(10 * time.Second):
				t.Error("the server goes on")
			}
		})
	}
}

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
