package discovery

import (
	"context"
	"fmt"
	"testing"

	"github.com/rollcall-go/rollcall/registry"
)

type still struct{ v *registry.View }

func (s still) Follow(string, string) (registry.Follower, error) {
	return &stillFollower{v: s.v}, nil
}

type stillFollower struct {
	v *registry.View
}

func (f *stillFollower) Next(ctx context.Context) (*registry.View, error) {
	if v := f.v; v != nil {
		f.v = nil
		return v, nil
	}
	<-ctx.Done()
	return nil, ctx.Err()
}
func (f *stillFollower) Stop() {}

func BenchmarkPick(b *testing.B) {
	for _, n := range []int{10, 10000} {
		v := &registry.View{History: "x", Services: []*registry.Service{{Name: "shop"}}}
		for i := range n {
			v.Services[0].Nodes = append(v.Services[0].Nodes, &registry.Node{ID: fmt.Sprint(i)})
		}
		r := New(still{v})
		ctx := context.Background()
		b.Run(fmt.Sprint("resolve/", n), func(b *testing.B) {
			for b.Loop() {
				_, _ = r.Resolve(ctx, "shop")
			}
		})
		for _, bal := range []Balancer{Random(), P2C()} {
			r := New(still{v}, WithBalancer(bal))
			b.Run(fmt.Sprint(bal, "/", n), func(b *testing.B) {
				for b.Loop() {
					p, err := r.Pick(ctx, "shop")
					if err != nil {
						b.Fatal(err)
					}
					p.Done(nil)
				}
			})
			b.Run(fmt.Sprint(bal, "/key/", n), func(b *testing.B) {
				for b.Loop() {
					p, _ := r.Pick(ctx, "shop", HashKey("abc"))
					p.Done(nil)
				}
			})
			r.Close()
		}
		r.Close()
	}
}
