package registry_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// Register to watcher, against what PUBLISH to Receive of go-redis takes: from
// the call of Register, or of PUBLISH, until Next, or Receive, returns in the
// goroutine that waits in it. The samples take turns; each side has a client to
// send and one to receive, on loopback.
func BenchmarkRegisterToWatcher(b *testing.B) {
	for _, nodes := range []int{1, 1000} {
		b.Run(fmt.Sprintf("nodes=%d", nodes), func(b *testing.B) {
			server := redistest.Start(b)
			r, reader := benched(b, server), benched(b, server)
			s := fleet("shop", nodes)
			enroll(b, r, s)
			w, err := reader.Watch(b.Context(), registry.WatchService("shop"))
			if err != nil {
				b.Fatal(err)
			}
			for range nodes {
				if _, err := w.Next(); err != nil {
					b.Fatal(err)
				}
			}
			one := *s
			one.Nodes = s.Nodes[:1]

			const channel = "raw"
			publisher, receiver := rawClient(b, server), rawClient(b, server).Subscribe(b.Context(), channel)
			b.Cleanup(func() { _ = receiver.Close() })
			if _, err := receiver.Receive(b.Context()); err != nil { // the acknowledgement
				b.Fatal(err)
			}
			payload := strings.Repeat("x", 464) // the length of an event of this node

			seen := arrivals(func() error { _, err := w.Next(); return err })
			received := arrivals(func() error { _, err := receiver.Receive(b.Context()); return err })
			var watched, raw []time.Duration
			for i := 0; b.Loop(); i++ {
				one.Nodes[0].Weight = 11 + i%89
				began := time.Now()
				if err := r.Register(b.Context(), &one); err != nil {
					b.Fatal(err)
				}
				watched = append(watched, (<-seen).Sub(began))

				began = time.Now()
				if err := publisher.Publish(b.Context(), channel, payload).Err(); err != nil {
					b.Fatal(err)
				}
				raw = append(raw, (<-received).Sub(began))
			}
			for _, p := range []int{50, 99} {
				ours, theirs := percentile(watched, p), percentile(raw, p)
				b.ReportMetric(float64(ours.Microseconds()), fmt.Sprintf("us-p%d", p))
				b.ReportMetric(float64(theirs.Microseconds()), fmt.Sprintf("us-raw-p%d", p))
				b.ReportMetric(float64(ours)/float64(theirs), fmt.Sprintf("ratio-p%d", p))
			}
		})
	}
}

// arrivals records when each call of next returned, until one fails.
func arrivals(next func() error) <-chan time.Time {
	at := make(chan time.Time, 1)
	go func() {
		defer close(at)
		for next() == nil {
			at <- time.Now()
		}
	}()
	return at
}

func rawClient(b *testing.B, s *redistest.Server) *redis.Client {
	c := redis.NewClient(&redis.Options{Addr: s.Addr()})
	b.Cleanup(func() { _ = c.Close() })
	return c
}

func percentile(of []time.Duration, p int) time.Duration {
	slices.Sort(of)
	return of[len(of)*p/100]
}
