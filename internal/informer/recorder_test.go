package informer_test

import (
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/rollcall-go/rollcall/internal/informer"
	"github.com/rollcall-go/rollcall/internal/replica"
)

const patience = 10 * time.Second // for what takes milliseconds on an idle machine

// A recorder is a listener that keeps what it received.
type recorder struct {
	mu      sync.Mutex
	initial map[string][]string // node IDs, by service
	shown   map[string]bool     // service/node
	healthy map[string]bool     // by service
	listed  bool
}

func newRecorder() *recorder {
	return &recorder{initial: map[string][]string{}, shown: map[string]bool{}, healthy: map[string]bool{}}
}

func (r *recorder) Initial(f *informer.Feed) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.initial[f.Service().Name()] = []string{}
	for _, n := range f.Nodes() {
		r.initial[f.Service().Name()] = append(r.initial[f.Service().Name()], n.ID)
	}
}

func (r *recorder) Changed(f *informer.Feed, changes []replica.Change) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range changes {
		if node := f.Service().Name() + "/" + c.Node.ID; c.Action == replica.Delete {
			delete(r.shown, node)
		} else {
			r.shown[node] = true
		}
	}
}

func (r *recorder) HealthChanged(f *informer.Feed) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.healthy[f.Service().Name()] = f.Health().Proven && f.Health().StaleSince.IsZero()
}

func (r *recorder) Listed(known bool, _ error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.listed = known
}

// await waits until the condition, which may read the recorder, holds.
func (r *recorder) await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; {
		r.mu.Lock()
		ok := holds()
		r.mu.Unlock()
		switch {
		case ok:
			return
		case time.Now().After(deadline):
			t.Fatalf("%s: not within %v", what, patience)
		}
		<-time.After(5 * time.Millisecond)
	}
}

// awaitNodes waits until the changes have led to these nodes.
func (r *recorder) awaitNodes(t *testing.T, want ...string) {
	t.Helper()
	var got []string
	r.await(t, "nodes", func() bool {
		got = slices.Sorted(maps.Keys(r.shown))
		return slices.Equal(got, want)
	})
}
