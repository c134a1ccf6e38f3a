package discovery_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/registry"
)

// static is a version of a service with these nodes.
func static(name, version string, ids ...string) *registry.Service {
	s := &registry.Service{Name: name, Version: version}
	for _, id := range ids {
		s.Nodes = append(s.Nodes, &registry.Node{ID: id, Address: id + ":80"})
	}
	return s
}

func TestStatic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := discovery.Static(static("shop", "2", "b"), static("shop", "1", "c", "a"), static("store", "", "x"))
		r := resolver(t, src)
		v := resolve(t, r)
		same(t, "nodes", ids(v.Nodes()), "a c b")
		same(t, "of a version", ids(resolve(t, r, discovery.Version("1")).Nodes()), "a c")
		same(t, "of the default namespace", ids(resolve(t, r, discovery.Namespace("default")).Nodes()), "a c b")
		same(t, "history", v.History(), "static")
		same(t, "revision", v.Revision(), 1)
		same(t, "live", v.Live(), true)
		_, err := r.Resolve(t.Context(), "unknown")
		wantErr(t, "unknown", err, registry.ErrNotFound)

		update(t, src, static("shop", "", "z"), static("unknown", "", "u"))
		synctest.Wait()
		v = resolve(t, r)
		same(t, "after an update", ids(v.Nodes()), "z")
		same(t, "revision", v.Revision(), 2)
		if _, err := r.Resolve(t.Context(), "unknown"); err != nil {
			t.Errorf("listed now: %v", err)
		}

		update(t, src)
		synctest.Wait()
		v = resolve(t, r)
		same(t, "not listed any more", ids(v.Nodes()), "")
		same(t, "revision", v.Revision(), 3)
		same(t, "history", v.History(), "static")
		_, err = r.Pick(t.Context(), "shop")
		wantErr(t, "pick", err, discovery.ErrNoNodes)

		update(t, src, static("shop", ""))
		synctest.Wait()
		same(t, "listed without nodes, as before", resolve(t, r).Revision(), 3)
	})
}

// Only the followers of a service that changed get a new view.
func TestStaticTellsWhatChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := discovery.Static(static("shop", "", "a"), static("store", "", "a"))
		follow := func(name string) func() string {
			f, err := src.Follow(name)
			if err != nil {
				t.Fatal(err)
			}
			views := make(chan string, 10)
			go func() {
				defer close(views)
				for {
					v, err := f.Next(context.Background())
					if err != nil {
						if !errors.Is(err, registry.ErrWatcherStopped) {
							t.Errorf("after Stop: %v", err)
						}
						return
					}
					var nodes string
					for _, s := range v.Services {
						nodes += ids(s.Nodes)
					}
					views <- nodes
				}
			}()
			t.Cleanup(func() {
				f.Stop()
				f.Stop()
				for range views {
				}
			})
			return func() (all string) {
				synctest.Wait()
				for len(views) > 0 {
					all += "[" + <-views + "]"
				}
				return all
			}
		}
		shop, store, none := follow("shop"), follow("store"), follow("none")
		same(t, "shop", shop(), "[a]")
		same(t, "store", store(), "[a]")
		same(t, "none", none(), "[]")
		update(t, src, static("shop", "", "b"), static("store", "", "a"))
		same(t, "shop", shop(), "[b]")
		same(t, "store", store(), "")
		same(t, "none", none(), "")
		changed := static("store", "", "a")
		changed.Nodes[0].Metadata = map[string]string{"k": "v"}
		update(t, src, static("shop", "", "b"), changed)
		same(t, "shop", shop(), "")
		same(t, "store", store(), "[a]")
	})
}

// What a source was given belongs to the giver, also afterwards.
func TestStaticCopies(t *testing.T) {
	given := &registry.Service{
		Name: "shop", Version: "1", Metadata: map[string]string{"k": "v"}, APIs: []byte(`{}`),
		Endpoints: []*registry.Endpoint{{Name: "Add", Request: &registry.Value{Name: "A", Values: []*registry.Value{{Name: "n", Type: "int"}}}}},
		Nodes:     []*registry.Node{{Address: "a:80", Metadata: map[string]string{"k": "v"}}},
	}
	src := discovery.Static(given)
	given.Metadata["k"], given.Nodes[0].Metadata["k"], given.Nodes[0].Address = "x", "x", "x"
	given.Endpoints[0].Request.Values[0].Name, given.Endpoints[0].Name = "x", "x"
	f, err := src.Follow("shop")
	if err != nil {
		t.Fatal(err)
	}
	v, err := f.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := &registry.View{Revision: 1, History: "static", Services: []*registry.Service{{
		Name: "shop", Version: "1", Namespace: "default", Metadata: map[string]string{"k": "v"},
		Endpoints: []*registry.Endpoint{{Name: "Add", Request: &registry.Value{Name: "A", Values: []*registry.Value{{Name: "n", Type: "int"}}}}},
		Nodes:     []*registry.Node{{ID: "a:80", Address: "a:80", Metadata: map[string]string{"k": "v"}}},
	}}}
	if diff := cmp.Diff(want, v); diff != "" {
		t.Errorf("view (-want +got):\n%s", diff)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Next without news: %v", err)
	}
}

func TestStaticRefuses(t *testing.T) {
	loop := &registry.Value{}
	loop.Values = []*registry.Value{loop}
	for name, list := range map[string][]*registry.Service{
		"nil":              {nil},
		"no name":          {static("", "", "a")},
		"all namespaces":   {{Name: "shop", Namespace: "*"}},
		"a version twice":  {static("shop", "1", "a"), static("shop", "1", "b")},
		"an ID twice":      {static("shop", "1", "a"), static("shop", "2", "a")},
		"an address twice": {{Name: "shop", Nodes: []*registry.Node{{Address: "a"}, {Address: "a"}}}},
		"a nil node":       {{Name: "shop", Nodes: []*registry.Node{nil}}},
		"no address":       {{Name: "shop", Nodes: []*registry.Node{{ID: "a"}}}},
		"a weight":         {{Name: "shop", Nodes: []*registry.Node{{Address: "a", Weight: registry.NoTraffic - 1}}}},
		"a status":         {{Name: "shop", Nodes: []*registry.Node{{Address: "a", Status: 2}}}},
		"an endless value": {{Name: "shop", Endpoints: []*registry.Endpoint{{Request: loop}}}},
	} {
		t.Run(name, func(t *testing.T) {
			src := discovery.Static(append(list, static("store", "", "a"))...)
			_, err := src.Follow("store")
			wantErr(t, "Follow", err, registry.ErrInvalid)
			update(t, src, static("shop", "", "a"))
			r := resolver(t, src)
			same(t, "mended", ids(resolve(t, r).Nodes()), "a")
			wantErr(t, "Update", src.Update(list...), registry.ErrInvalid)
			same(t, "what was listed before", ids(resolve(t, r).Nodes()), "a")
			_, err = r.Resolve(t.Context(), "")
			wantErr(t, "an empty name", err, registry.ErrInvalid)
		})
	}
}

func update(t *testing.T, src *discovery.StaticSource, services ...*registry.Service) {
	t.Helper()
	if err := src.Update(services...); err != nil {
		t.Fatal(err)
	}
}
