package registry_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-go/rollcall/internal/lua"
	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// A recorder takes the results of a watcher as fast as they come, and checks what
// a user may rely on: one node in each result, the order of actions of each
// node, revisions that never go back within a history.
type recorder struct {
	t       *testing.T
	watcher registry.Watcher
	done    chan struct{} // closed when Next has failed

	mu      sync.Mutex
	err     error // of Next
	results []*registry.Result
	expects int                         // so many of them have been expected
	nodes   map[string]*registry.Result // by namespace/name/version/id: the nodes present
	newest  map[string]*registry.Result // by namespace/name: for the order
}

// watch is a Watch that must succeed. It ends with the test.
func watch(t *testing.T, r *registry.Redis, opts ...registry.WatchOption) *recorder {
	t.Helper()
	began := time.Now()
	w, err := r.Watch(t.Context(), opts...)
	if err != nil {
		t.Fatalf("after %v: %v", time.Since(began), err)
	}
	return listen(t, w)
}

// listen has a new recorder follow a watcher.
func listen(t *testing.T, w registry.Watcher) *recorder {
	a := &recorder{
		t: t, watcher: w, done: make(chan struct{}),
		nodes: map[string]*registry.Result{}, newest: map[string]*registry.Result{},
	}
	go a.listen()
	t.Cleanup(func() {
		w.Stop()
		<-a.done
	})
	return a
}

func (a *recorder) listen() {
	defer close(a.done)
	for {
		res, err := a.watcher.Next()
		a.mu.Lock()
		if err != nil {
			a.err = err
			a.mu.Unlock()
			return
		}
		a.take(res)
		a.mu.Unlock()
	}
}

// take checks and notes a result. a.mu is held.
func (a *recorder) take(res *registry.Result) {
	s := res.Service
	if len(s.Nodes) != 1 || s.Nodes[0].ID == "" {
		a.t.Errorf("%v of %d nodes: %+v", res.Action, len(s.Nodes), s)
		return
	}
	if res.Timestamp.IsZero() || res.History == "" && res.Revision != 0 {
		a.t.Errorf("%s: at %v, revision %d of %q", short(res), res.Timestamp, res.Revision, res.History)
	}
	service := s.Namespace + "/" + s.Name
	if before := a.newest[service]; before != nil && before.History == res.History && before.Revision > res.Revision {
		a.t.Errorf("%s has revision %d after %s with %d of the same history", short(res), res.Revision, short(before), before.Revision)
	}
	a.newest[service] = res
	key := fmt.Sprintf("%s/%s/%s", service, s.Version, s.Nodes[0].ID)
	if _, present := a.nodes[key]; present != (res.Action != registry.Create) {
		a.t.Errorf("%s: it was present before: %v", short(res), present)
	}
	if a.nodes[key] = res; res.Action == registry.Delete {
		delete(a.nodes, key)
	}
	a.results = append(a.results, res)
}

// short is a result in brief, as "create /a".
func short(r *registry.Result) string {
	return fmt.Sprintf("%v %s/%s", r.Action, r.Service.Version, r.Service.Nodes[0].ID)
}

// expect waits for the next results and checks that they are these, in order. It
// returns them.
func (a *recorder) expect(want ...string) []*registry.Result {
	a.t.Helper()
	return a.compare(want, func(got []string) []string { return got })
}

// expectAll is expect for results that may come in any order.
func (a *recorder) expectAll(want ...string) []*registry.Result {
	a.t.Helper()
	return a.compare(sorted(want), sorted)
}

func (a *recorder) compare(want []string, order func([]string) []string) []*registry.Result {
	a.t.Helper()
	var got []*registry.Result
	var texts []string
	eventually(a.t, patience, func() error {
		a.mu.Lock()
		defer a.mu.Unlock()
		got = a.results[a.expects:]
		texts = nil
		for _, res := range got {
			texts = append(texts, short(res))
		}
		if len(got) < len(want) {
			return fmt.Errorf("results %q, want %q (%v)", texts, want, a.err)
		}
		a.expects += len(want)
		got, texts = got[:len(want)], texts[:len(want)]
		return nil
	})
	if d := cmp.Diff(want, order(texts)); d != "" {
		a.t.Fatalf("results (-want +got):\n%s", d)
	}
	return got
}

// present returns the nodes that are present, as version/id, in order.
func (a *recorder) present() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	ids := []string{}
	for _, res := range a.nodes {
		ids = append(ids, res.Service.Version+"/"+res.Service.Nodes[0].ID)
	}
	return sorted(ids)
}

// shows returns nil once exactly these nodes are present.
func (a *recorder) shows(want ...string) error {
	if got := a.present(); !slices.Equal(got, sorted(slices.Clone(want))) {
		return fmt.Errorf("the watcher shows %d nodes %.300q, want %d %.300q", len(got), got, len(want), want)
	}
	return nil
}

// node returns the newest result of a node that is present, or nil.
func (a *recorder) node(id string) *registry.Result {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, res := range a.nodes {
		if res.Service.Nodes[0].ID == id {
			return res
		}
	}
	return nil
}

// count returns how many results there were of each action.
func (a *recorder) count() map[registry.Action]int {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := map[registry.Action]int{}
	for _, res := range a.results {
		n[res.Action]++
	}
	return n
}

// deleted returns the nodes that had a Delete, in order.
func (a *recorder) deleted() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	ids := map[string]bool{}
	for _, res := range a.results {
		if res.Action == registry.Delete {
			ids[res.Service.Nodes[0].ID] = true
		}
	}
	return slices.Sorted(maps.Keys(ids))
}

// equals returns nil once the recorder shows what GetService does: the same
// nodes with the same contents.
func (a *recorder) equals(ctx context.Context, r *registry.Redis, name string) error {
	services, err := r.GetService(ctx, name)
	if err != nil {
		return err
	}
	want := map[string]*registry.Node{}
	for _, s := range services {
		for _, n := range s.Nodes {
			want[s.Version+"/"+n.ID] = n
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	got := map[string]*registry.Node{}
	for _, res := range a.nodes {
		got[res.Service.Version+"/"+res.Service.Nodes[0].ID] = res.Service.Nodes[0]
	}
	if d := cmp.Diff(want, got); d != "" {
		return fmt.Errorf("GetService and the watcher differ (-want +got):\n%.2000s", d)
	}
	return nil
}

// A manualNode is a node that a test keeps alive by hand, as a process would that
// can crash at any moment.
type manualNode struct {
	b    rawService
	id   string
	call lua.RegisterCall
}

func (b rawService) manualNode(id string, ttl time.Duration) *manualNode {
	b.t.Helper()
	data := fmt.Appendf(nil, `{"address":"10.0.0.1:80","ttl":%d,"v":1}`, ttl.Milliseconds())
	return &manualNode{b, id, lua.RegisterCall{Nodes: []lua.Registration{{
		Lease: lua.Lease{ID: id, Token: b.newLease(), Seq: 1, TTL: ttl}, Data: data,
	}}}}
}

// renew registers the node, or refreshes its lease.
func (n *manualNode) renew() {
	n.b.t.Helper()
	n.call.Target = n.b.target()
	if r := lua.Register(n.b.t.Context(), n.b.client, n.call)[0]; r.Err != nil || r.Codes[0] < lua.Done {
		n.b.t.Fatalf("renew %s: error %v, codes %v", n.id, r.Err, r.Codes)
	}
}

// live renews for a while.
func (n *manualNode) live(d time.Duration) {
	n.b.t.Helper()
	for began := time.Now(); time.Since(began) < d; {
		n.renew()
		<-time.After(50 * time.Millisecond)
	}
}

// clients returns the fields of CLIENT LIST, for each connection.
func clients(t *testing.T, s *redistest.Server) (all []map[string]string) {
	t.Helper()
	list, err := s.Client().ClientList(t.Context()).Result()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(list) {
		c := map[string]string{}
		for _, field := range strings.Fields(line) {
			k, v, _ := strings.Cut(field, "=")
			c[k] = v
		}
		all = append(all, c)
	}
	return all
}
