package reporter

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestReporterKeepsTheOrder: one report at a time, in the order of add.
func TestReporterKeepsTheOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reports := New(zerolog.Nop())
		var got, want []int
		for i := range most {
			reports.State(func() { got = append(got, i) })
			want = append(want, i)
			if i%100 == 0 {
				synctest.Wait() // it has ended, and begins again
			}
		}
		if err := reports.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

// TestReporterIsBounded: while a function of the user's blocks, the oldest reports are
// dropped, and the log says how many.
func TestReporterIsBounded(t *testing.T) {
	for whose, of := range map[string]func(*Reporter) *reports{
		"the logger":   func(r *Reporter) *reports { return &r.lines },
		"the observer": func(r *Reporter) *reports { return &r.events },
		"an OnState":   func(r *Reporter) *reports { return &r.states },
	} {
		t.Run(whose, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var mu sync.Mutex
				var log strings.Builder
				reports := New(zerolog.New(writer(func(p []byte) (int, error) {
					mu.Lock()
					defer mu.Unlock()
					return log.Write(p)
				})))
				p := of(reports)
				block := make(chan struct{})
				p.add(func() { <-block })
				synctest.Wait() // it is being made, so it does not wait any more
				var got []int
				for i := range most + 7 {
					p.add(func() { got = append(got, i) })
				}
				ctx, cancel := context.WithCancel(t.Context())
				cancel()
				if err := p.wait(ctx); err == nil || !strings.Contains(err.Error(), whose+" has not returned") {
					t.Errorf("wait: %v, want that %s has not returned", err, whose)
				}
				close(block)
				if err := reports.Wait(t.Context()); err != nil {
					t.Fatal(err)
				}
				if len(got) != most || got[0] != 7 || got[len(got)-1] != most+6 {
					t.Errorf("%d reports, from %d to %d; want the newest %d", len(got), got[0], got[len(got)-1], most)
				}
				want := fmt.Sprintf(`{"level":"warn","reports":7,"message":"rollcall: reports were dropped: %s is slow, and should return at once"}`+"\n", whose)
				if diff := cmp.Diff(want, log.String()); diff != "" {
					t.Errorf("log -want +got:\n%s", diff)
				}
			})
		})
	}
}

type writer func([]byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

// CalledOut reports that a function of the user is among the callers, also where that
// calls on.
func TestCalledOut(t *testing.T) {
	inside := false
	CallOut(func() { func() { inside = CalledOut() }() })
	if !inside || CalledOut() {
		t.Errorf("inside %v, outside %v", inside, CalledOut())
	}
}
