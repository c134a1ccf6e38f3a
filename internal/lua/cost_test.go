package lua

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-go/rollcall/internal/redistest"
)

// BenchmarkCost measures how long a node holds real Redis, by its own count
// (commandstats: redis-us/node), in calls of one node and of a hundred. A round is ten
// calls in one pipeline; the figure is the median of the rounds.
func BenchmarkCost(b *testing.B) {
	data := []byte(`{"version":"1.2.0","address":"10.0.0.1:8080","metadata":{"m":"` + strings.Repeat("x", 200) + `"},"ttl":15000}`)
	for _, size := range []int{1, MaxNodes} {
		for _, name := range []string{"register", "change", "refresh", "renew"} {
			b.Run(fmt.Sprint(name, "/", size), func(b *testing.B) {
				ctx, c := b.Context(), redistest.SharedStandalone(b).Client()
				t := Target{Service: service(b, b.Name()), Deadline: time.Now().Add(time.Hour), Nonce: "00000000000b"}
				watch(b, c, t)
				const calls = 10
				nodes := func(call, seq int) (all []Registration) {
					for i := range size {
						all = append(all, Registration{
							Lease: Lease{fmt.Sprintf("10.0.%d.%d:8080", call, i), ours, uint64(seq), 15 * time.Second}, Data: data,
						})
					}
					return all
				}
				var keys []string
				register := func(seq int) []Result {
					var all []RegisterCall
					for i := range calls {
						all = append(all, RegisterCall{Target: t, Nodes: nodes(i, seq)})
						for _, n := range all[i].Nodes {
							keys = append(keys, t.Service.Node(n.ID))
						}
					}
					return Register(ctx, c, all...)
				}
				renew := func() []Result {
					var all []RenewCall
					for i := range calls {
						all = append(all, RenewCall{Target: t, Nodes: leases(nodes(i, 1))})
					}
					return Renew(ctx, c, all...)
				}
				register(1)
				keys = append(slices.Clip(keys), t.Service.Index())
				var rounds []time.Duration
				for i := 2; b.Loop(); i++ {
					if name == "register" {
						c.Del(ctx, keys...)
					}
					var r []Result
					before := scriptTime(b, c)
					switch name {
					case "change":
						r = register(i)
					case "renew":
						r = renew()
					default:
						r = register(1)
					}
					rounds = append(rounds, scriptTime(b, c)-before)
					for _, r := range r {
						if r.Err != nil || r.Codes[0] <= None {
							b.Fatalf("%+v", r)
						}
					}
				}
				slices.Sort(rounds)
				b.ReportMetric(float64(rounds[len(rounds)/2].Nanoseconds())/1000/float64(calls*size), "redis-us/node")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}
