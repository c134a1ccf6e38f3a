package bench

import (
	"context"
	"fmt"
	"testing"

	hertzdiscovery "github.com/cloudwego/hertz/pkg/app/client/discovery"
	"github.com/cloudwego/hertz/pkg/app/client/loadbalance"
	"github.com/cloudwego/hertz/pkg/protocol"
	kratosregistry "github.com/go-kratos/kratos/v2/registry"
	"github.com/go-kratos/kratos/v2/selector"
	kratosp2c "github.com/go-kratos/kratos/v2/selector/p2c"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/registry"
)

var sizes = []int{10, 1000, 10_000}

const service = "shop"

func address(i int) string { return fmt.Sprintf("10.0.%d.%d:80", i/250, i%250) }

func weight(i int) int { return 10 + i%3*5 }

func BenchmarkPick(b *testing.B) {
	for _, peer := range []struct {
		balancer, product string
		call              func(b *testing.B, nodes int) func() error
	}{
		{"random", "rollcall", rollcall(discovery.Random())},
		{"round robin", "rollcall", rollcall(discovery.RoundRobin())},
		{"weighted random", "rollcall", rollcall(discovery.WeightedRandom())},
		{"weighted round robin", "rollcall", rollcall(discovery.WeightedRoundRobin())},
		{"p2c", "rollcall", rollcall(discovery.P2C())},
		{"least loaded", "rollcall", rollcall(discovery.LeastLoaded())},
		{"maglev", "rollcall", rollcall(discovery.Maglev(), discovery.HashKey("customer"))},
		{"ring", "rollcall", rollcall(discovery.Ring(1.25), discovery.HashKey("customer"))},
		{"weighted random", "hertz", hertz},
		{"p2c", "kratos", kratos},
		{"round robin", "grpc", grpc("round_robin")},
		{"weighted round robin", "grpc", grpc("weighted_round_robin")},
	} {
		for _, n := range sizes {
			if n > 1000 && peer.product == "grpc" {
				continue // it takes a minute to connect them
			}
			b.Run(fmt.Sprintf("%s/%d/%s", peer.balancer, n, peer.product), func(b *testing.B) {
				call := peer.call(b, n)
				if err := call(); err != nil { // the first one makes tables
					b.Fatal(err)
				}
				for b.Loop() {
					if err := call(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func rollcall(balancer discovery.Balancer, opts ...discovery.PickOption) func(*testing.B, int) func() error {
	return func(b *testing.B, nodes int) func() error {
		s := &registry.Service{Name: service}
		for i := range nodes {
			s.Nodes = append(s.Nodes, &registry.Node{Address: address(i), Weight: weight(i)})
		}
		r := discovery.New(discovery.Static(s), discovery.WithBalancer(balancer))
		b.Cleanup(func() { _ = r.Close() })
		ctx := b.Context()
		return func() error {
			p, err := r.Pick(ctx, service, opts...)
			p.Done(err)
			return err
		}
	}
}

func hertz(b *testing.B, nodes int) func() error {
	var all []hertzdiscovery.Instance
	for i := range nodes {
		all = append(all, hertzdiscovery.NewInstance("tcp", address(i), weight(i), nil))
	}
	factory := loadbalance.NewBalancerFactory(loadbalance.Config{
		Balancer: loadbalance.NewWeightedBalancer(),
		LbOpts:   loadbalance.DefaultLbOpts,
		Resolver: hertzdiscovery.SynthesizedResolver{
			TargetFunc: func(_ context.Context, t *hertzdiscovery.TargetInfo) string { return t.Host },
			ResolveFunc: func(_ context.Context, key string) (hertzdiscovery.Result, error) {
				return hertzdiscovery.Result{CacheKey: key, Instances: all}, nil
			},
			// Factories are kept for the life of the process, by this name.
			NameFunc: func() string { return fmt.Sprint(b.Name(), nodes) },
		},
	})
	req := protocol.AcquireRequest()
	b.Cleanup(func() { protocol.ReleaseRequest(req) })
	req.SetRequestURI("http://" + service + "/orders")
	ctx := b.Context()
	return func() error {
		_, err := factory.GetInstance(ctx, req)
		return err
	}
}

func kratos(b *testing.B, nodes int) func() error {
	var all []selector.Node
	for i := range nodes {
		all = append(all, selector.NewNode("http", address(i), &kratosregistry.ServiceInstance{
			ID: address(i), Name: service, Metadata: map[string]string{"weight": fmt.Sprint(weight(i))},
		}))
	}
	s := kratosp2c.New()
	s.Apply(all)
	ctx := b.Context()
	return func() error {
		_, done, err := s.Select(ctx)
		if err == nil {
			done(ctx, selector.DoneInfo{})
		}
		return err
	}
}
