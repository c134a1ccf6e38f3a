package registry_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alicebob/miniredis/v2/server"

	"github.com/rollcall-go/rollcall/internal/keys"
	"github.com/rollcall-go/rollcall/internal/lua"
	"github.com/rollcall-go/rollcall/internal/record"
	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// refuseScripts has a server refuse scripts as a Redis does that has become a replica,
// and go on with everything else.
func refuseScripts(b *simulation) {
	b.server.Server().SetPreHook(func(c *server.Peer, cmd string, _ ...string) bool {
		if cmd != "EVALSHA" && cmd != "EVAL" {
			return false
		}
		c.WriteError("READONLY You can't write against a read only replica. script: 0123, on @user_script:1.")
		return true
	})
}

func allowScripts(b *simulation) { b.server.Server().SetPreHook(nil) }

// While Redis refuses for long, each node is announced once an interval, and only those
// that may be renewed: not one whose check fails, nor one that deregistered.
func TestNodesAreAnnouncedWhileRedisRefuses(t *testing.T) {
	inSimulation(t, func(b *simulation) {
		states, healthy := newStates(), atomic.Bool{}
		healthy.Store(true)
		check := func(context.Context) error {
			if !healthy.Load() {
				return errors.New("ill")
			}
			return nil
		}
		register(b.t, b.Redis, service("shop", node("steady"), node("leaving")), states.option())
		register(b.t, b.Redis, service("shop", node("checked")), registry.RegisterCheck(check))
		register(b.t, b.Redis, service("shop", node("manual")), registry.RegisterManual())
		states.next(b.t, registry.Live)
		f, err := b.Follow("shop")
		if err != nil {
			b.t.Fatal(err)
		}
		untilView(b.t, f, func(v *registry.View) bool { return shown(v) == "/checked /leaving /manual /steady " })

		announced := map[string][]time.Time{}
		sub := b.server.NewSubscriber()
		sub.Subscribe("rollcall:{default/shop}:events:0")
		ctx, cancel := context.WithCancel(context.Background())
		listened := make(chan struct{})
		go func() {
			defer close(listened)
			for {
				select {
				case m := <-sub.Messages():
					if l, err := record.DecodeLive([]byte(m.Message)); err == nil {
						for _, n := range l.Nodes {
							announced[n.ID] = append(announced[n.ID], time.Now())
						}
					}
				case <-ctx.Done():
					return
				}
			}
		}()

		refuseScripts(b)
		began := time.Now()
		for range 12 { // two minutes
			err := b.Register(context.Background(), service("shop", node("manual")), registry.RegisterManual())
			if !errors.Is(err, registry.ErrUnavailable) {
				b.t.Errorf("to renew by hand: %v", err)
			}
			time.Sleep(defaultTTL * 2 / 3)
		}
		v := untilView(b.t, f, func(v *registry.View) bool { return len(v.Held) == 4 })
		if since := v.RefusedSince.Sub(began); since < 0 || since > defaultInterval {
			b.t.Errorf("refused since %v after it began", since)
		}
		healthy.Store(false)
		if err := b.Deregister(context.Background(), service("shop", node("leaving"))); !errors.Is(err, registry.ErrUnavailable) {
			b.t.Errorf("to deregister: %v", err)
		}
		ended := time.Now()
		untilView(b.t, f, func(v *registry.View) bool { return shown(v) == "/steady " })
		// Of the manual one that was a call before, and one longer poll may be needed.
		if took := time.Since(ended); took > defaultTTL+defaultInterval+registry.DefaultPollInterval {
			b.t.Errorf("a node that is not announced any more is gone after %v", took)
		}
		time.Sleep(10 * time.Minute)
		states.next(b.t, registry.Left) // of the one that deregistered
		states.none(b.t)
		allowScripts(b)
		healthy.Store(true)
		untilView(b.t, f, func(v *registry.View) bool { return shown(v) == "/checked /steady " && v.Refused == nil })
		if err := b.Close(context.Background()); err != nil {
			b.t.Error(err)
		}
		cancel()
		<-listened
		sub.Close()
		shortest, longest := gaps(announced["steady"])
		b.t.Logf("announced %d times, every %v to %v", len(announced["steady"]), shortest, longest)
		if shortest < defaultInterval*9/10 || longest > defaultInterval*11/10 {
			b.t.Errorf("it was announced every %v to %v, want once in %v", shortest, longest, defaultInterval)
		}
		for _, id := range []string{"checked", "leaving", "manual"} {
			if at := announced[id]; len(at) == 0 || at[len(at)-1].After(ended) {
				b.t.Errorf("%s was announced %d times, the last after its end: %v", id, len(at), at)
			}
		}
	})
}

// A first Register while Redis refuses fails and says what to do; with RegisterRetry it
// goes on, and the node is there soon after Redis has taken writes again.
func TestRegisterWhileRedisRefuses(t *testing.T) {
	inSimulation(t, func(b *simulation) {
		if err := b.Init(); err != nil { // the server begins with its first connection
			b.t.Fatal(err)
		}
		refuseScripts(b)
		err := b.Register(context.Background(), service("shop", node("a")))
		wantErr(b.t, err, registry.ErrUnavailable)
		for _, want := range []string{"READONLY", "connect to the master"} {
			if err == nil || !strings.Contains(err.Error(), want) {
				b.t.Errorf("the error does not name %q: %v", want, err)
			}
		}
		register(b.t, b.Redis, service("shop", node("b")), registry.RegisterRetry())
		time.Sleep(time.Minute)
		allowScripts(b)
		time.Sleep(defaultInterval)
		wantIDs(b.t, b.Redis, "shop", "/b")
	})
}

// reap removes a node of the service shop that has run out.
func reap(b *simulation, id string) {
	c, err := b.Client()
	if err != nil {
		b.t.Fatal(err)
	}
	space, err := keys.New("rollcall")
	if err != nil {
		b.t.Fatal(err)
	}
	target := lua.Target{Service: space.Service("default", "shop"), Deadline: time.Now().Add(time.Minute), Nonce: "0123456789ab"}
	results := lua.Reap(context.Background(), c, lua.ReapCall{Target: target, IDs: []string{id}})
	if r := results[0]; r.Err != nil || r.Codes[0] != lua.Done {
		b.t.Fatalf("reap: %+v", r)
	}
}

// In the first moments after a refusal others may reap a node before it has registered
// again: a follower sees no change.
func TestReapedAfterARefusal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, o := redistest.Synctest(t)
		server, client := join(t, m, o), join(t, m, o)
		register(t, server.Redis, service("shop", node("a")))
		f := follow(t, client.Redis, "shop")
		untilView(t, f, func(v *registry.View) bool { return shown(v) == "/a " })
		a := watch(t, client.Redis, registry.WatchService("shop"))
		refuseScripts(server)
		time.Sleep(time.Minute)
		server.link.set(true)
		allowScripts(server)
		reap(client, "a")
		time.Sleep(defaultTTL / 2) // more than a reaper waits
		server.link.set(false)
		for v := nextView(t, f); v.Revision < 3 || len(v.Held) > 0; v = nextView(t, f) {
			if shown(v) != "/a " {
				t.Fatalf("it is shown as %q, revision %d, held %v", shown(v), v.Revision, v.Held)
			}
		}
		a.expect("create /a")
		if got := a.deleted(); len(got) > 0 {
			t.Errorf("a watcher lost %v", got)
		}
	})
}
