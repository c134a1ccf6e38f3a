package registry

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/internal/redisconn"
	"github.com/rollcall-go/rollcall/internal/redistest"
)

// A limited is a registry of two services whose user may be kept from one of them.
type limited struct {
	*Redis
	server *redistest.Server
}

func newLimited(t *testing.T) limited {
	l := limited{server: redistest.Start(t)}
	l.allow(t, "~*", "&*")
	l.Redis = NewRegistry(Addrs(l.server.Addr()), Username("registrar"), Password("secret"), Logger(zerolog.Nop()))
	t.Cleanup(func() { _ = l.Close(t.Context()) })
	for _, name := range []string{"cart", "shop"} {
		if err := l.Register(t.Context(), &Service{Name: name, Nodes: []*Node{{ID: "a", Address: "10.0.0.1:80"}}}); err != nil {
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
			byName[s.name], all = t, append(all, t)
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
	if err := errors.Join(client.Del(t.Context(), version).Err(), client.Set(t.Context(), version, "foreign", 0).Err()); err != nil {
		t.Fatal(err)
	}
	r.registerAgain(t.Context(), r.conn, all)
	if err := redisconn.Classify(byName["cart"].err); !errors.Is(err, ErrPermission) {
		t.Errorf("cart, which is refused: %v", err)
	}
	if err := redisconn.Classify(byName["shop"].err); !errors.Is(err, ErrConflict) || errors.Is(err, ErrPermission) {
		t.Errorf("shop, where a foreign value stands: %v", err)
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
		calls = append(calls, liveCalls(task.again, errors.New("NOPERM"), time.Now())...)
	}
	r.mu.Unlock()
	if len(calls) != 2 {
		t.Fatalf("%d messages, want 2", len(calls))
	}
	for i, err := range r.conn.publish(t.Context(), calls) {
		name := calls[i].service.name
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
	err := r.Close(t.Context())
	if want := "default/cart, and 1 more: "; err == nil || !strings.Contains(err.Error(), want) || !errors.Is(err, ErrPermission) {
		t.Errorf("%v, want %q and ErrPermission", err, want)
	}
}
