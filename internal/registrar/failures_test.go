package registrar

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/internal/errdefs"
	"github.com/rollcall-go/rollcall/internal/plan"
	"github.com/rollcall-go/rollcall/internal/redisconn"
	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/internal/reporter"
)

// A limited is a registry of two services whose user may be kept from one of them.
type limited struct {
	*Registrar
	server *redistest.Server
}

func newLimited(t *testing.T) limited {
	l := limited{server: redistest.Start(t)}
	l.allow(t, "~*", "&*")
	c, err := redisconn.Open(redisconn.Config{
		Addrs: []string{l.server.Addr()}, Username: "registrar", Password: "secret", Timeout: 3 * time.Second, Prefix: "rollcall",
	}, reporter.New(zerolog.Nop()))
	if err != nil {
		t.Fatal(err)
	}
	l.Registrar = New(c, Options{}, noSink{})
	t.Cleanup(func() {
		l.Stop()
		if err := errors.Join(l.Wait(context.Background()), c.Close()); err != nil {
			t.Error(err)
		}
	})
	for _, name := range []string{"cart", "shop"} {
		p := &plan.Plan{
			Service: c.Space.Service("default", name), TTL: 15 * time.Second, Interval: 5 * time.Second,
			Nodes: []plan.Node{{ID: "a", Data: []byte(`{"v":1,"address":"10.0.0.1:80","ttl":15000}`)}},
		}
		if err := l.Register(t.Context(), p, func() bool { return true }); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

// allow sets which keys and channels the user may use.
func (l limited) allow(t *testing.T, rights ...string) {
	t.Helper()
	rights = append([]string{"on", ">secret", "+@all", "resetkeys", "resetchannels"}, rights...)
	if err := l.server.Client().ACLSetUser(t.Context(), "registrar", rights...).Err(); err != nil {
		t.Fatal(err)
	}
}

// tasks are those of a round that has to register all nodes again.
func (l limited) tasks() (byName map[string]*task, all []*task) {
	byName = map[string]*task{}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.services {
		for _, b := range s.batches {
			t := &task{batch: b}
			for _, n := range b.nodes {
				t.again = append(t.again, n)
			}
			byName[s.keys.Name()], all = t, append(all, t)
		}
	}
	return byName, all
}

// A service that is refused is not taken for the reason of another one's failure.
func TestAFailureIsThatOfItsService(t *testing.T) {
	t.Parallel()
	r := newLimited(t)
	byName, all := r.tasks()
	version := byName["shop"].batch.service.keys.Version()
	r.allow(t, "~rollcall:{default/shop}:*", "&*")
	client := r.server.Client()
	if err := errors.Join(client.Del(t.Context(), version).Err(), client.SAdd(t.Context(), version, "foreign").Err()); err != nil {
		t.Fatal(err)
	}
	r.renewer.registerAgain(t.Context(), all)
	if err := redisconn.Classify(byName["cart"].err); !errors.Is(err, errdefs.ErrPermission) {
		t.Errorf("cart, which is refused: %v", err)
	}
	if err := redisconn.Classify(byName["shop"].err); !errors.Is(err, errdefs.ErrConflict) || errors.Is(err, errdefs.ErrPermission) {
		t.Errorf("shop, which has a foreign value: %v", err)
	}
}

// A message that is refused leaves the others of its pipeline published.
func TestARefusedMessageIsThatOfItsService(t *testing.T) {
	t.Parallel()
	r := newLimited(t)
	_, all := r.tasks()
	r.allow(t, "~*", "&rollcall:{default/shop}:*")
	var calls []liveCall
	r.mu.Lock()
	for _, task := range all {
		calls = append(calls, r.liveCalls(task.again, errors.New("NOPERM"), time.Now())...)
	}
	r.mu.Unlock()
	if len(calls) != 2 {
		t.Fatalf("%d messages, want 2", len(calls))
	}
	for i, err := range r.renewer.publish(t.Context(), calls) {
		name := calls[i].service.keys.Name()
		if refused := redis.HasErrorPrefix(err, "NOPERM"); refused != (name == "cart") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Close, which is about all services, names one that failed and says how many did.
func TestCloseNamesTheServicesThatFailed(t *testing.T) {
	t.Parallel()
	r := newLimited(t)
	r.allow(t, "~rollcall:{default/none}:*", "&*")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err := redisconn.Classify(r.Withdraw(ctx, false))
	if want := "default/cart, and 1 more: "; err == nil || !strings.Contains(err.Error(), want) || !errors.Is(err, errdefs.ErrPermission) {
		t.Errorf("%v, want %q and ErrPermission", err, want)
	}
}
