package demo

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-go/rollcall/registry"
)

func up(names ...string) []*registry.Node {
	var all []*registry.Node
	for _, n := range names {
		all = append(all, &registry.Node{Address: n + ":80", Metadata: map[string]string{tagNode: n}})
	}
	return all
}

func TestObserverKnowsSinceWhen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newObserver(newPrinter(&bytes.Buffer{}))
		start := time.Now()
		go func() {
			for _, nodes := range [][]string{{"a"}, {"a", "b"}, {"a", "b"}, {"b"}, {"b"}} {
				time.Sleep(time.Second)
				o.saw(up(nodes...), time.Now())
			}
		}()
		got := make(map[string]time.Duration)
		for _, want := range []struct {
			node  string
			there bool
		}{{"a", true}, {"b", true}, {"a", false}} {
			at, err := o.await(t.Context(), want.node, want.there)
			if err != nil {
				t.Fatal(err)
			}
			got[want.node] = at.Sub(start)
		}
		if d := cmp.Diff(map[string]time.Duration{"a": 4 * time.Second, "b": 2 * time.Second}, got); d != "" {
			t.Errorf("last change (-want +got):\n%s", d)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := o.await(ctx, "c", false); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a node never seen: %v, want an error after the wait", err)
		}
	})
}

func TestObserverPrintsTheViewWhenItChanges(t *testing.T) {
	var out bytes.Buffer
	o := newObserver(newPrinter(&out))
	view := func(nodes ...*registry.Node) { o.saw(nodes, time.Now()) }
	a := &registry.Node{Address: "h:1", Metadata: map[string]string{tagNode: "a"}}
	b := &registry.Node{Address: "h:2", Metadata: map[string]string{tagNode: "b"}}
	leaving := &registry.Node{Address: "h:2", Metadata: map[string]string{tagNode: "b"}, Status: registry.Draining}

	view(a)
	view(a)
	view(b, a)
	view(a, leaving)
	view()
	o.mute()
	view(a)

	var views []string
	for line := range strings.Lines(out.String()) {
		_, v, _ := strings.Cut(strings.TrimSpace(line), "view   ")
		views = append(views, v)
	}
	if d := cmp.Diff([]string{"a", "a, b", "a, b (draining)", "none"}, views); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if got := o.nodeAt("h:2"); got != "b" {
		t.Errorf("node at h:2: %q, want b", got)
	}
}
