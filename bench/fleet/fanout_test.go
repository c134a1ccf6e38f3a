package fleet

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/bench/measure"
	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

const (
	changes = 40
	pause   = 100 * time.Millisecond // between changes
)

// BenchmarkFanOut changes one node ten times a second, which many watchers watch, each with
// a registry of its own: the time from the start of a write until a watcher has it (p50-us,
// p99-us), and how many states never came, nor one that covers them (lost).
func BenchmarkFanOut(b *testing.B) {
	for _, n := range []int{500, 1000, 2000} {
		b.Run(fmt.Sprint(n, "/rollcall"), func(b *testing.B) {
			s := redistest.Start(b)
			writer := open(b, s)
			register(b, writer, changed(0, -1))
			h := &hits{}
			inParallel(n, func() {
				w, err := open(b, s).Watch(b.Context(), registry.WatchService(service))
				if err != nil {
					b.Error(err)
					return
				}
				b.Cleanup(w.Stop)
				if _, err := w.Next(); err != nil {
					b.Error(err)
					return
				}
				h.readers.Go(func() { watchFor(h, w) })
			})
			fanOut(b, h, n, func(i int) { register(b, writer, changed(0, i)) })
		})
		b.Run(fmt.Sprint(n, "/bare-publish"), func(b *testing.B) {
			s := redistest.Start(b)
			h := &hits{}
			inParallel(n, func() {
				c := redis.NewClient(&redis.Options{Addr: s.Addr(), DialTimeout: patient, ReadTimeout: patient})
				sub := c.Subscribe(b.Context(), service)
				b.Cleanup(func() { _ = sub.Close(); _ = c.Close() })
				if _, err := sub.Receive(b.Context()); err != nil {
					b.Error(err)
					return
				}
				h.readers.Go(func() { receiveFor(h, sub) })
			})
			fanOut(b, h, n, func(i int) {
				if err := s.Client().Publish(b.Context(), service, fmt.Sprint(i, " ", measure.Record)).Err(); err != nil {
					b.Fatal(err)
				}
			})
		})
	}
}

// hits are the events that arrived.
type hits struct {
	starts  [changes]atomic.Int64 // ns since 1970
	readers sync.WaitGroup
	mu      sync.Mutex
	all     []time.Duration
}

// seen notes that the state of change i is here, and so are those from change from on that it
// covers: a watcher that is slow gets several changes of a node as one.
func (h *hits) seen(from, i int) {
	now := time.Now().UnixNano()
	h.mu.Lock()
	defer h.mu.Unlock()
	for ; from <= i; from++ {
		h.all = append(h.all, time.Duration(now-h.starts[from].Load()))
	}
}

func watchFor(h *hits, w registry.Watcher) {
	for next := 0; next < changes; {
		r, err := w.Next()
		if err != nil {
			return // stopped
		}
		i, err := strconv.Atoi(r.Service.Nodes[0].Metadata["n"])
		if err != nil {
			return
		}
		h.seen(next, i)
		next = i + 1
	}
}

func receiveFor(h *hits, sub *redis.PubSub) {
	for next := 0; next < changes; next++ {
		m, err := sub.ReceiveMessage(context.Background())
		if err != nil {
			return // closed
		}
		var i int
		if _, err := fmt.Sscan(m.Payload, &i); err != nil {
			return
		}
		h.seen(i, i)
	}
}

// fanOut writes the changes, and waits until each reader has the last one.
func fanOut(b *testing.B, h *hits, readers int, write func(i int)) {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for i := range changes {
		<-tick.C
		h.starts[i].Store(time.Now().UnixNano())
		write(i)
	}
	done := make(chan struct{})
	go func() {
		h.readers.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(30 * time.Second): // what is missing then is lost
	}
	only(b)
	h.mu.Lock()
	defer h.mu.Unlock()
	measure.Percentiles(b, h.all)
	b.ReportMetric(float64(changes*readers-len(h.all)), "lost")
}

// inParallel calls f n times, 64 at once.
func inParallel(n int, f func()) {
	var all sync.WaitGroup
	tokens := make(chan struct{}, 64)
	for range n {
		tokens <- struct{}{}
		all.Go(func() {
			f()
			<-tokens
		})
	}
	all.Wait()
}
