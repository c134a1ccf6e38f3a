package registry_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-go/rollcall/internal/record"
	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// With the timer of the reaper off, the keyspace event alone has a crashed node
// reaped.
func TestHintAloneFindsACrash(t *testing.T) {
	for name, tp := range hintTopologies(t) {
		t.Run(name, func(t *testing.T) {
			r := open(t, tp, registry.Untimed(), registry.KeyspaceEvents(true))
			register(t, r, service("shop", node("alive")), registry.RegisterTTL(time.Second))
			client := tp.NewClient(t)
			k := space(t).Service("", "shop")
			for n := 0; ; n++ { // hints that come before the subscription is confirmed are lost
				id := fmt.Sprintf("crash-%d", n)
				register(t, r, service("shop", node(id)), registry.RegisterManual(), registry.RegisterTTL(2*time.Second))
				deadline := time.Now().Add(6 * time.Second)
				for time.Now().Before(deadline) {
					lines, err := client.LRange(t.Context(), k.Log(), 0, -1).Result()
					if err != nil {
						t.Fatal(err)
					}
					if slices.ContainsFunc(lines, func(line string) bool {
						e, err := record.ParseLogEntry(line)
						return err == nil && e.Kind == record.Exp && e.ID == id
					}) {
						return
					}
					<-time.After(20 * time.Millisecond)
				}
				if n == 3 {
					t.Fatal("no hint had the node reaped")
				}
			}
		})
	}
}

// What others set in notify-keyspace-events stays, and nothing is set unasked.
func TestKeyspaceEventsFlags(t *testing.T) {
	on, off := []registry.Option{registry.KeyspaceEvents(true)}, []registry.Option{registry.KeyspaceEvents(false)}
	for _, c := range []struct {
		name, before string
		ask          []registry.Option
		after        string
	}{
		{"unasked", "", nil, ""},
		{"off", "", off, ""},
		{"none", "", on, "xK"},
		{"others", "Eg$", on, "g$xKE"},
		{"all classes", "EA", on, "AKE"},
		{"there already", "Kx", on, "xK"},
	} {
		t.Run(c.name, func(t *testing.T) {
			redis := redistest.SharedStandalone(t)
			redis.SetConfig("notify-keyspace-events", c.before)
			r := open(t, redistest.Topology{Addrs: []string{redis.Addr()}}, c.ask...)
			register(t, r, service("shop", node("a")))
			// The flags are looked over once namespaces are known, within seconds.
			check := func() error {
				got, err := redis.Client().ConfigGet(t.Context(), "notify-keyspace-events").Result()
				if err != nil {
					return err
				}
				if got["notify-keyspace-events"] != c.after {
					return fmt.Errorf("flags %q, want %q", got["notify-keyspace-events"], c.after)
				}
				return nil
			}
			if c.before != c.after {
				eventually(t, patience, check)
			} else if err := check(); err != nil {
				t.Error(err)
			}
		})
	}
}

// A registry with KeyspaceEvents(false) does not listen, also where Redis sends the
// events; one without the option does. Both begin together, and the one that listens
// goes through two rounds before the subscribers are counted.
func TestKeyspaceEventsOffDoesNotListen(t *testing.T) {
	redis := redistest.Start(t)
	redis.SetConfig("notify-keyspace-events", "Kx")
	off := open(t, at(redis), registry.KeyspaceEvents(false))
	asFound := open(t, at(redis))
	for i, namespace := range []string{"a", "b"} {
		register(t, off, service("shop", node("a")), registry.RegisterNamespace("off-"+namespace))
		register(t, asFound, service("shop", node("a")), registry.RegisterNamespace(namespace))
		eventually(t, patience, func() error {
			n, err := redis.Client().PubSubNumPat(t.Context()).Result()
			if err == nil && n <= int64(i) {
				err = fmt.Errorf("%d patterns", n)
			}
			return err
		})
	}
	list, err := redis.Client().ClientList(t.Context()).Result()
	if err != nil {
		t.Fatal(err)
	}
	listeners := 0
	for line := range strings.Lines(list) {
		if !strings.Contains(line, " psub=0 ") {
			listeners++
		}
	}
	if listeners != 1 {
		t.Errorf("%d connections listen to keyspace events, want that of one registry:\n%s", listeners, list)
	}
}

func hintTopologies(t *testing.T) map[string]redistest.Topology {
	return map[string]redistest.Topology{
		"standalone": {Name: "standalone", Addrs: []string{redistest.SharedStandalone(t).Addr()}},
		"cluster":    {Name: "cluster", Addrs: redistest.SharedCluster(t).Addrs(), Cluster: true},
	}
}
