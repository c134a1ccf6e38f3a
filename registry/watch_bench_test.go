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

// Register to watcher, against what PUBLISH to Receive of go-redis takes, one
// after the other in the same run. From the call of Register, or of PUBLISH, to
// the return of Next, or of Receive; two clients on loopback.
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
			payload := strings.Repeat("x", 600) // about an event of this node

			var watched, raw []time.Duration
			for i := 0; b.Loop(); i++ {
				one.Nodes[0].Weight = 1 + i%1000
				began := time.Now()
				told := make(chan error, 1)
				go func() { told <- r.Register(b.Context(), &one) }()
				if _, err := w.Next(); err != nil {
					b.Fatal(err)
				}
				watched = append(watched, time.Since(began))
				if err := <-told; err != nil {
					b.Fatal(err)
				}

				began = time.Now()
				go func() { told <- publisher.Publish(b.Context(), channel, payload).Err() }()
				if _, err := receiver.Receive(b.Context()); err != nil {
					b.Fatal(err)
				}
				raw = append(raw, time.Since(began))
				if err := <-told; err != nil {
					b.Fatal(err)
				}
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

func rawClient(b *testing.B, s *redistest.Server) *redis.Client {
	c := redis.NewClient(&redis.Options{Addr: s.Addr()})
	b.Cleanup(func() { _ = c.Close() })
	return c
}

func percentile(of []time.Duration, p int) time.Duration {
	slices.Sort(of)
	return of[len(of)*p/100]
}
