package bench

import (
	"encoding/json"
	"sync"
	"testing"

	"google.golang.org/grpc/balancer"
	_ "google.golang.org/grpc/balancer/roundrobin"
	_ "google.golang.org/grpc/balancer/weightedroundrobin"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/experimental/stats"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/serviceconfig"
)

// grpc picks with what a balancer of gRPC-Go hands to its channel.
func grpc(name string) func(*testing.B, int) func() error {
	return func(b *testing.B, nodes int) func() error {
		var all []resolver.Endpoint
		for i := range nodes {
			all = append(all, resolver.Endpoint{Addresses: []resolver.Address{{Addr: address(i)}}})
		}
		builder := balancer.Get(name)
		var config serviceconfig.LoadBalancingConfig
		if p, ok := builder.(balancer.ConfigParser); ok {
			var err error
			if config, err = p.ParseConfig(json.RawMessage("{}")); err != nil {
				b.Fatal(err)
			}
		}
		cc := &channel{}
		bal := builder.Build(cc, balancer.BuildOptions{})
		b.Cleanup(bal.Close)
		err := bal.UpdateClientConnState(balancer.ClientConnState{
			ResolverState: resolver.State{Endpoints: all}, BalancerConfig: config,
		})
		if err != nil {
			b.Fatal(err)
		}
		cc.connect()
		if cc.state.ConnectivityState != connectivity.Ready {
			b.Fatal("no connection is ready")
		}
		picker := cc.state.Picker
		info := balancer.PickInfo{FullMethodName: "/shop.Shop/Order", Ctx: b.Context()}
		return func() error {
			r, err := picker.Pick(info)
			if err == nil && r.Done != nil {
				r.Done(balancer.DoneInfo{})
			}
			return err
		}
	}
}

// A channel keeps the connections that a balancer asks for, and its last picker.
type channel struct {
	balancer.ClientConn
	tasks sync.WaitGroup
	mu    sync.Mutex
	conns []*connection
	state balancer.State
}

func (c *channel) NewSubConn(_ []resolver.Address, opts balancer.NewSubConnOptions) (balancer.SubConn, error) {
	s := &connection{notify: opts.StateListener, tasks: &c.tasks}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.conns = append(c.conns, s)
	return s, nil
}

func (c *channel) UpdateState(s balancer.State) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state = s
}

func (*channel) Target() string                         { return service }
func (*channel) ResolveNow(resolver.ResolveNowOptions)  {}
func (*channel) MetricsRecorder() stats.MetricsRecorder { return recorder{} }

// connect makes all connections ready, and waits until the balancer has taken it in.
func (c *channel) connect() {
	c.mu.Lock()
	conns := c.conns
	c.mu.Unlock()
	for _, s := range conns {
		s.notify(balancer.SubConnState{ConnectivityState: connectivity.Connecting})
		s.notify(balancer.SubConnState{ConnectivityState: connectivity.Ready})
	}
	c.tasks.Wait()
}

type connection struct {
	balancer.SubConn
	notify func(balancer.SubConnState)
	tasks  *sync.WaitGroup
}

func (*connection) Connect()  {}
func (*connection) Shutdown() {}

// RegisterHealthListener may not call its listener from within this call.
func (s *connection) RegisterHealthListener(listener func(balancer.SubConnState)) {
	if listener != nil {
		s.tasks.Go(func() { listener(balancer.SubConnState{ConnectivityState: connectivity.Ready}) })
	}
}

// A recorder takes all metrics, and keeps none.
type recorder struct{ stats.MetricsRecorder }

func (recorder) RecordInt64Count(*stats.Int64CountHandle, int64, ...string)       {}
func (recorder) RecordFloat64Histo(*stats.Float64HistoHandle, float64, ...string) {}
