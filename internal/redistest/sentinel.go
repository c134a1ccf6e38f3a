package redistest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"testing"

	"github.com/redis/go-redis/v9"
)

const masterName = "main"

// Sentinel is a master and two replicas, watched by three sentinels with a
// quorum of two, which notice a dead master after a second.
type Sentinel struct {
	t         testing.TB
	servers   []*Server
	sentinels []*Server
}

// StartSentinel starts the servers and the sentinels, waits until all know each
// other, and stops them at the end of the test.
func StartSentinel(t testing.TB) *Sentinel {
	t.Helper()
	s := &Sentinel{t: t}
	for range 3 {
		s.servers = append(s.servers, Start(t))
		s.sentinels = append(s.sentinels, Start(t, "--sentinel"))
	}
	master := strconv.Itoa(s.servers[0].port)
	must(t, "start replication", func(ctx context.Context) error {
		for _, r := range s.servers[1:] {
			if err := r.client.ReplicaOf(ctx, "127.0.0.1", master).Err(); err != nil {
				return err
			}
		}
		return nil
	})
	must(t, "start watching", func(ctx context.Context) error {
		for _, w := range s.sentinels {
			if err := w.client.Do(ctx, "SENTINEL", "MONITOR", masterName, "127.0.0.1", master, 2).Err(); err != nil {
				return err
			}
		}
		return nil
	})
	s.Set("down-after-milliseconds", "1000")
	s.Set("failover-timeout", "5000")
	s.Set("parallel-syncs", "1")
	s.WaitHealthy()
	return s
}

func (s *Sentinel) forTest(t testing.TB) *Sentinel {
	return &Sentinel{t: t, servers: forTest(t, s.servers), sentinels: forTest(t, s.sentinels)}
}

// Addrs returns the addresses of the sentinels, host:port.
func (s *Sentinel) Addrs() []string { return addrs(s.sentinels) }

// MasterName is what the sentinels call the master.
func (s *Sentinel) MasterName() string { return masterName }

// Sentinels returns the sentinels' own processes.
func (s *Sentinel) Sentinels() []*Server { return s.sentinels }

// Master returns the server that most sentinels name.
func (s *Sentinel) Master() *Server {
	s.t.Helper()
	var master *Server
	mustAwait(s.t, "find the master", func(ctx context.Context) (err error) {
		master, err = s.vote(ctx)
		return err
	})
	return master
}

// Replicas returns the servers other than the master, dead ones too.
func (s *Sentinel) Replicas() []*Server {
	s.t.Helper()
	master := s.Master()
	var out []*Server
	for _, r := range s.servers {
		if r != master {
			out = append(out, r)
		}
	}
	return out
}

// Set sets an option of the master on every sentinel, as SENTINEL SET does, for
// example "down-after-milliseconds". It stays set.
func (s *Sentinel) Set(option, value string) {
	s.t.Helper()
	must(s.t, "set "+option, func(ctx context.Context) error {
		for _, w := range s.sentinels {
			if err := w.client.Do(ctx, "SENTINEL", "SET", masterName, option, value).Err(); err != nil {
				return err
			}
		}
		return nil
	})
}

// Failover has the sentinels promote a replica and waits as WaitFailover does.
func (s *Sentinel) Failover() {
	s.t.Helper()
	old := s.Master()
	mustAwait(s.t, "start a failover", func(ctx context.Context) error {
		err := errors.New("no sentinel runs")
		for _, w := range running(s.sentinels) {
			if err = w.client.Do(ctx, "SENTINEL", "FAILOVER", masterName).Err(); err == nil {
				return nil
			}
		}
		return err
	})
	s.WaitFailover(old)
}

// WaitFailover waits until most sentinels name another master than old, and it
// accepts writes.
func (s *Sentinel) WaitFailover(old *Server) {
	s.t.Helper()
	mustAwait(s.t, "fail over from "+old.Addr(), func(ctx context.Context) error {
		master, err := s.vote(ctx)
		if err != nil {
			return err
		}
		if master.instance == old.instance {
			return errors.New("the sentinels name the old master")
		}
		return writable(ctx, master)
	})
}

// WaitHealthy waits until all six processes run and agree: a master, two
// replicas in sync with it, and sentinels that could fail over at once.
func (s *Sentinel) WaitHealthy() {
	s.t.Helper()
	mustAwait(s.t, "sentinel is healthy", func(ctx context.Context) error {
		master, err := s.vote(ctx)
		if err != nil {
			return err
		}
		for _, r := range s.servers {
			if r == master {
				err = writable(ctx, r)
			} else {
				err = inSync(ctx, r, master)
			}
			if err != nil {
				return err
			}
		}
		for _, w := range s.sentinels {
			if err := watches(ctx, w, master); err != nil {
				return fmt.Errorf("sentinel %s: %w", w.Addr(), err)
			}
		}
		return nil
	})
}

// vote returns the server that a majority of all sentinels names.
func (s *Sentinel) vote(ctx context.Context) (*Server, error) {
	votes := map[string]int{}
	for _, w := range running(s.sentinels) {
		host, err := w.client.Do(ctx, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", masterName).StringSlice()
		if err != nil || len(host) != 2 {
			continue
		}
		votes[net.JoinHostPort(host[0], host[1])]++
	}
	for _, r := range s.servers {
		if 2*votes[r.Addr()] > len(s.sentinels) {
			return r, nil
		}
	}
	return nil, fmt.Errorf("no majority among the sentinels: %v", votes)
}

// watches returns nil if sentinel w takes master for healthy and knows the two
// replicas and the two other sentinels.
func watches(ctx context.Context, w, master *Server) error {
	cmd := redis.NewMapStringStringCmd(ctx, "SENTINEL", "MASTER", masterName)
	_ = w.client.Process(ctx, cmd)
	got, err := cmd.Result()
	if err != nil {
		return err
	}
	want := map[string]string{
		"port": strconv.Itoa(master.port), "flags": "master", "num-slaves": "2", "num-other-sentinels": "2",
	}
	for k, v := range want {
		if got[k] != v {
			return fmt.Errorf("%s is %q, not %q", k, got[k], v)
		}
	}
	return w.client.Do(ctx, "SENTINEL", "CKQUORUM", masterName).Err()
}
