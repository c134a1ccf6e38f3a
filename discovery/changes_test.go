package discovery_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-go/rollcall/discovery"
)

func TestChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newFakeSource()
		r := resolver(t, src)
		busy, revisions := make(chan struct{}), make(chan uint64, 10)
		go func() {
			for v := range r.Changes(t.Context(), "shop") {
				revisions <- v.Revision()
				<-busy
				if v.Revision() == 5 {
					break
				}
			}
			close(revisions)
		}()
		time.Sleep(time.Hour) // as long as it takes
		src.set("shop", shop(1, "a"))
		same(t, "the first", <-revisions, 1)
		for revision := range uint64(3) {
			src.set("shop", shop(revision+2, "a"))
			synctest.Wait()
		}
		busy <- struct{}{}
		same(t, "after a while, the last", <-revisions, 4)
		busy <- struct{}{}
		src.set("shop", shop(5, "a"))
		same(t, "the next", <-revisions, 5)
		busy <- struct{}{}
		if _, more := <-revisions; more {
			t.Error("it goes on after a break")
		}
	})
}

func TestChangesTakesPickOptions(t *testing.T) {
	src := newFakeSource()
	src.set("shop", shop(1, "1/a", "1/b", "2/c"))
	src.news("eu/shop", shop(1, "1/d", "2/e"), nil)
	r := resolver(t, src)
	for want, opts := range map[string][]discovery.PickOption{
		"a b c": nil,
		"c":     {discovery.Version("2")},
		"d e":   {discovery.Namespace("eu")},
		"e":     {discovery.Namespace("eu"), discovery.Version("2")},
	} {
		for v := range r.Changes(t.Context(), "shop", opts...) {
			same(t, "nodes", ids(v.Nodes()), want)
			break
		}
	}
	for range r.Changes(t.Context(), "shop", discovery.Filter(nil)) {
		t.Error("a view although an option is wrong")
	}
}

func TestPreloadNamespace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newFakeSource()
		src.news("eu/shop", shop(1, "a"), nil)
		r := resolver(t, src, discovery.PreloadNamespace("eu", "shop"), discovery.PreloadNamespace("", "till"))
		synctest.Wait()
		same(t, "before a call", strings.Join(src.followed(), " "), "/till eu/shop")
		same(t, "nodes", ids(resolve(t, r, discovery.Namespace("eu")).Nodes()), "a")
		time.Sleep(time.Hour)
		same(t, "after an idle hour", strings.Join(src.followed(), " "), "/till eu/shop")
	})
}

func TestNamespaces(t *testing.T) {
	src := newFakeSource()
	r := resolver(t, src)
	src.set("shop", shop(1, "a"))
	src.news("eu/shop", shop(1, "b"), nil)
	same(t, "the source's own", ids(resolve(t, r).Nodes()), "a")
	v := resolve(t, r, discovery.Namespace("eu"))
	same(t, "another", ids(v.Nodes()), "b")
	same(t, "its name", v.Namespace(), "eu")
	same(t, "picked", picks(t, r, 10, discovery.Namespace("eu"))["b"], 10)
}
