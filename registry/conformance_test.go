package registry_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/internal/keys"
	"github.com/rollcall-go/rollcall/internal/lua"
	"github.com/rollcall-go/rollcall/internal/record"
	"github.com/rollcall-go/rollcall/internal/redisconn"
	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// A testCase is one promise that a registry keeps on every topology.
type testCase struct {
	name string
	run  func(t *testing.T, tp redistest.Topology)
}

// TestConformance runs every case on every topology. The cases of one topology
// run in parallel, each under a prefix of its own.
func TestConformance(t *testing.T) {
	redistest.Each(t, func(t *testing.T, tp redistest.Topology) {
		for _, group := range [][]testCase{
			connecting, finding, listing, registering, leases, fencing, exclusives, checks, deregistering, closing, operators, overriding, histories, explanations, away,
		} {
			for _, c := range group {
				t.Run(c.name, func(t *testing.T) {
					t.Parallel()
					c.run(t, tp)
				})
			}
		}
	})
}

// get is a GetService that must find something.
func get(t *testing.T, r *registry.Redis, name string, opts ...registry.GetOption) []*registry.Service {
	t.Helper()
	services, err := r.GetService(t.Context(), name, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return services
}

// ids returns version/id of every node that GetService finds, in its order; none
// where it finds nothing.
func ids(t *testing.T, r *registry.Redis, name string, opts ...registry.GetOption) []string {
	t.Helper()
	services, err := r.GetService(t.Context(), name, opts...)
	if err != nil && !errors.Is(err, registry.ErrNotFound) {
		t.Fatal(err)
	}
	var found []string
	for _, s := range services {
		for _, n := range s.Nodes {
			found = append(found, s.Version+"/"+n.ID)
		}
	}
	return found
}

// sameIDs compares ids with what is wanted.
func sameIDs(t *testing.T, r *registry.Redis, name string, want ...string) error {
	t.Helper()
	if d := cmp.Diff(want, ids(t, r, name)); d != "" {
		return fmt.Errorf("nodes of %s (-want +got):\n%s", name, d)
	}
	return nil
}

// wantIDs checks ids.
func wantIDs(t *testing.T, r *registry.Redis, name string, want ...string) {
	t.Helper()
	if err := sameIDs(t, r, name, want...); err != nil {
		t.Error(err)
	}
}

// wantErr checks that err is an *registry.OpError of this sentinel.
func wantErr(t *testing.T, err, want error) {
	t.Helper()
	var op *registry.OpError
	if !errors.Is(err, want) || !errors.As(err, &op) {
		t.Errorf("got %v, want an OpError that is %q", err, want)
	}
}

// sorted returns s in order.
func sorted(s []string) []string {
	slices.Sort(s)
	return s
}

// errDiff returns an error with the difference from what was wanted.
func errDiff(diff string) error { return fmt.Errorf("(-want +got):\n%s", diff) }

// wantLog checks that the log has a line with a text.
func wantLog(t *testing.T, log *logBuffer, what string) {
	t.Helper()
	eventually(t, patience, func() error { // lines are written by another goroutine
		if !strings.Contains(log.String(), what) {
			return fmt.Errorf("the log has no line with %q:\n%s", what, log)
		}
		return nil
	})
}

// logInto has the registry log into b.
func logInto(b *logBuffer) registry.Option { return registry.Logger(zerolog.New(b)) }

// A rawService reads and changes, without a registry, the keys of
// one service of the default namespace.
type rawService struct {
	t      *testing.T
	client redis.UniversalClient
	keys   keys.Service
}

func behind(t *testing.T, tp redistest.Topology, name string) rawService {
	t.Helper()
	return rawService{t, tp.NewClient(t), space(t).Service("", name)}
}

// holder returns who holds a node or held it until it was deregistered; zero if no lease holds it.
func (b rawService) holder(id string) (h record.Holder) {
	b.t.Helper()
	v, err := b.client.HGet(b.t.Context(), b.keys.Node(id), "lease").Result()
	if err == nil {
		h, err = record.ParseHolder(v)
	}
	if err != nil && !errors.Is(err, redis.Nil) {
		b.t.Fatal(err)
	}
	return h
}

// end returns when a node's lease ends by the index, in ms by Redis's clock, and
// 0 where the index does not list it.
func (b rawService) end(id string) float64 {
	b.t.Helper()
	end, err := b.client.ZScore(b.t.Context(), b.keys.Index(), keys.EscapeID(id)).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		b.t.Fatal(err)
	}
	return end
}

// extended waits until the lease ends later than before.
func (b rawService) extended(id string, before float64) {
	b.t.Helper()
	eventually(b.t, patience, func() error {
		if now := b.end(id); now <= before {
			return fmt.Errorf("the lease of %s ends at %.0f, as before (%.0f)", id, now, before)
		}
		return nil
	})
}

// rev returns how many changes the service has seen.
func (b rawService) rev() int {
	b.t.Helper()
	v, err := b.client.Get(b.t.Context(), b.keys.Version()).Result()
	if errors.Is(err, redis.Nil) {
		return 0
	}
	at, perr := redisconn.ParseVersion(v)
	if err = errors.Join(err, perr); err != nil {
		b.t.Fatal(err)
	}
	return int(at.Rev)
}

// plant registers a node as a process would that then crashes.
func (b rawService) plant(id string, ttl time.Duration, data string) {
	b.t.Helper()
	b.do(lua.Register(b.t.Context(), b.client, lua.RegisterCall{Target: b.target(), Nodes: []lua.Registration{{
		Lease: lua.Lease{ID: id, Token: b.newLease(), Seq: 1, TTL: ttl}, Data: []byte(data),
	}}}))
}

func (b rawService) target() lua.Target {
	return lua.Target{Service: b.keys, Deadline: time.Now().Add(time.Minute), Nonce: "0123456789ab"}
}

// add adds a member to a sorted set, far in the future.
func (b rawService) add(key, member string) {
	b.t.Helper()
	if err := b.client.ZAdd(b.t.Context(), key, redis.Z{Score: 1e13, Member: member}).Err(); err != nil {
		b.t.Fatal(err)
	}
}

// newLease is newer than every lease before.
func (b rawService) newLease() string {
	b.t.Helper()
	now, err := b.client.Time(b.t.Context()).Result()
	if err != nil {
		b.t.Fatal(err)
	}
	return record.Lease{Start: now.UnixMicro(), Nonce: "0123456789ab"}.String()
}

// do checks that a script call did what it was for.
func (b rawService) do(results []lua.Result) {
	b.t.Helper()
	if r := results[0]; r.Err != nil || r.Codes[0] != lua.Done {
		b.t.Fatalf("script: error %v, codes %v", r.Err, r.Codes)
	}
}

// keysUnder lists every key of this test, on any master.
func keysUnder(t *testing.T, client redis.UniversalClient) []string {
	t.Helper()
	all := make(chan []string, 100)
	list := func(ctx context.Context, c *redis.Client) error {
		found, err := c.Keys(ctx, prefix(t)+":*").Result()
		all <- found
		return err
	}
	var err error
	if c, ok := client.(*redis.ClusterClient); ok {
		err = c.ForEachMaster(t.Context(), list)
	} else {
		err = list(t.Context(), client.(*redis.Client))
	}
	if err != nil {
		t.Fatal(err)
	}
	close(all)
	var found []string
	for some := range all {
		found = append(found, some...)
	}
	return found
}
