package discovery_test

import (
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// commands counts the calls that a server has had of these commands.
func commands(t testing.TB, s *redistest.Server, names ...string) (calls int) {
	t.Helper()
	info, err := s.Client().Info(t.Context(), "commandstats").Result()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(info) {
		for _, name := range names {
			if rest, ok := strings.CutPrefix(line, "cmdstat_"+name+":calls="); ok {
				n, _, _ := strings.Cut(rest, ",")
				c, err := strconv.Atoi(n)
				if err != nil {
					t.Fatal(err)
				}
				calls += c
			}
		}
	}
	return calls
}

// Names that are no services cost nothing that lasts: no goroutine, no subscription and
// no further command.
func TestStrangersCostNothing(t *testing.T) {
	const names = 3000
	server := redistest.Start(t)
	tp := redistest.Topology{Addrs: []string{server.Addr()}}
	reg := open(t, tp, registry.PollInterval(100*time.Millisecond))
	register(t, reg, static("shop", "", "a"))
	r := resolver(t, reg, discovery.Timeout(patience))
	resolve(t, r)
	client := &http.Client{Transport: discovery.Transport(r, nil)}
	goroutines, asked := runtime.NumGoroutine(), commands(t, server, "hmget", "zcard")
	for i := range names {
		resp, err := client.Get(fmt.Sprintf("http://unknown-%d/", i))
		if err == nil {
			_ = resp.Body.Close()
		}
		if !errors.Is(err, registry.ErrNotFound) {
			t.Fatalf("unknown name %d: %v", i, err)
		}
	}
	if n := runtime.NumGoroutine(); n > goroutines+10 {
		t.Errorf("%d goroutines, and %d before", n, goroutines)
	}
	if n := commands(t, server, "subscribe"); n > 1 {
		t.Errorf("%d names were subscribed to", n)
	}
	const polls = 200 // in the time of the test, of the shop
	if n := commands(t, server, "hmget", "zcard") - asked; n > 2*names+2*polls {
		t.Errorf("%d commands for %d names", n, names)
	}
	before := commands(t, server, "hmget", "zcard", "zrange", "lrange")
	time.Sleep(time.Second)
	if n := commands(t, server, "hmget", "zcard", "zrange", "lrange") - before; n > 10*3*3 {
		t.Errorf("%d commands a second afterwards", n)
	}
	same(t, "a service among them", ids(resolve(t, r).Nodes()), "a")
}

// A service that comes to exist is found within a second, also under a flood of
// unknown names, and at once by who waits for it.
func TestAStrangerThatComes(t *testing.T) {
	redistest.Each(t, func(t *testing.T, tp redistest.Topology) {
		reg := open(t, tp)
		r := resolver(t, open(t, tp), discovery.Timeout(patience))
		for range 3 {
			_, err := r.Resolve(t.Context(), "shop")
			wantErr(t, "unknown", err, registry.ErrNotFound)
		}
		register(t, reg, static("shop", "", "a"))
		began := time.Now()
		for {
			v, err := r.Resolve(t.Context(), "shop")
			if err == nil {
				same(t, "nodes", ids(v.Nodes()), "a")
				break
			}
			wantErr(t, "meanwhile", err, registry.ErrNotFound)
			if time.Since(began) > patience {
				t.Fatalf("not known after %v", patience)
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Logf("known after %v", time.Since(began))

		// Its nodes leave, and it is known all the same.
		if err := reg.Deregister(t.Context(), &registry.Service{Name: "shop"}); err != nil {
			t.Fatal(err)
		}
		_, err := resolver(t, open(t, tp), discovery.Timeout(patience)).Pick(t.Context(), "shop")
		wantErr(t, "empty", err, discovery.ErrNoNodes)
	})
}

func TestKnows(t *testing.T) {
	redistest.Each(t, func(t *testing.T, tp redistest.Topology) {
		reg := open(t, tp)
		for _, want := range []bool{false, true} {
			known, err := reg.Knows(t.Context(), "shop")
			same(t, "known", known, want)
			same(t, "error", err, nil)
			register(t, reg, static("shop", "", "a"))
		}
		known, err := reg.Knows(t.Context(), "shop", registry.FollowNamespace("other"))
		same(t, "in another namespace", known, false)
		same(t, "error", err, nil)
		_, err = reg.Knows(t.Context(), "a\n")
		wantErr(t, "a bad name", err, registry.ErrInvalid)
		_, err = reg.Knows(t.Context(), "shop", registry.FollowNamespace("*"))
		wantErr(t, "all namespaces", err, registry.ErrInvalid)
	})
}
