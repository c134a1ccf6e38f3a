package redistest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	slots   = 16384
	masters = 3
)

// Cluster is three masters and three replicas, one each, with a node timeout of
// two seconds.
type Cluster struct {
	t       testing.TB
	servers []*Server
}

// StartCluster starts and joins the servers, waits until the cluster is healthy,
// and stops it at the end of the test.
func StartCluster(t testing.TB) *Cluster {
	t.Helper()
	c := &Cluster{t: t}
	for range 2 * masters {
		// A replica may take over however long it was cut off.
		c.servers = append(c.servers, start(t, true,
			"--cluster-enabled", "yes", "--cluster-node-timeout", "2000", "--cluster-replica-validity-factor", "0"))
	}
	must(t, "join the cluster", func(ctx context.Context) error {
		for i, s := range c.servers {
			if err := s.client.Do(ctx, "CLUSTER", "SET-CONFIG-EPOCH", i+1).Err(); err != nil {
				return err
			}
			if i < masters {
				first, last := i*slots/masters, (i+1)*slots/masters-1
				if err := s.client.ClusterAddSlotsRange(ctx, first, last).Err(); err != nil {
					return err
				}
			}
			if err := s.client.ClusterMeet(ctx, "127.0.0.1", strconv.Itoa(c.servers[0].port)).Err(); err != nil {
				return err
			}
		}
		return nil
	})
	for i, replica := range c.servers[masters:] {
		mustAwait(t, "replicate", func(ctx context.Context) error {
			id, err := c.servers[i].client.ClusterMyID(ctx).Result()
			if err != nil {
				return err
			}
			return replica.client.ClusterReplicate(ctx, id).Err() // fails until they have met
		})
	}
	c.WaitHealthy()
	return c
}

func (c *Cluster) forTest(t testing.TB) *Cluster {
	return &Cluster{t: t, servers: forTest(t, c.servers)}
}

// Addrs returns the addresses of all six servers, host:port.
func (c *Cluster) Addrs() []string { return addrs(c.servers) }

// Servers returns all six servers, masters and replicas.
func (c *Cluster) Servers() []*Server { return c.servers }

// Masters returns the servers that own slots, in the order of these.
func (c *Cluster) Masters() []*Server {
	c.t.Helper()
	var out []*Server
	mustAwait(c.t, "find the masters", func(ctx context.Context) error {
		v, err := c.ask(ctx)
		if err != nil {
			return err
		}
		out = nil
		for _, owner := range v.owner {
			if owner != nil && !slices.Contains(out, owner) {
				out = append(out, owner)
			}
		}
		return nil
	})
	return out
}

// Flush removes every key.
func (c *Cluster) Flush() {
	c.t.Helper()
	for _, m := range c.Masters() {
		m.Flush()
	}
}

// MasterFor returns the server that owns the slot of key.
func (c *Cluster) MasterFor(key string) *Server {
	s, _ := c.owner(key)
	return s
}

// owner returns the server that owns the slot of key, and the slot.
func (c *Cluster) owner(key string) (owner *Server, slot int) {
	c.t.Helper()
	mustAwait(c.t, fmt.Sprintf("find the master for %q", key), func(ctx context.Context) error {
		v, err := c.ask(ctx)
		if err != nil {
			return err
		}
		n, err := v.from.client.ClusterKeySlot(ctx, key).Result()
		if err != nil {
			return err
		}
		if owner, slot = v.owner[n], int(n); owner == nil {
			return fmt.Errorf("no server owns slot %d", n)
		}
		return nil
	})
	return owner, slot
}

// WaitFailover waits until every server but old that runs sees the cluster
// complete, with none of its slots at old.
func (c *Cluster) WaitFailover(old *Server) {
	c.t.Helper()
	mustAwait(c.t, "fail over from "+old.Addr(), func(ctx context.Context) error {
		for _, s := range running(c.servers) {
			if s.instance == old.instance {
				continue
			}
			v, err := c.complete(ctx, s)
			if err != nil {
				return err
			}
			for slot, owner := range v.owner {
				if owner.instance == old.instance {
					return fmt.Errorf("%s sees slot %d at the old master", s.Addr(), slot)
				}
			}
		}
		return nil
	})
}

// WaitHealthy waits until all six servers run and agree: every slot owned, and
// one replica in sync with each master.
func (c *Cluster) WaitHealthy() {
	c.t.Helper()
	mustAwait(c.t, "cluster is healthy", func(ctx context.Context) error {
		first, err := c.complete(ctx, c.servers[0])
		if err != nil {
			return err
		}
		for _, s := range c.servers {
			v, err := c.complete(ctx, s)
			if err != nil {
				return err
			}
			if v.owner != first.owner {
				return fmt.Errorf("%s and %s see different owners", s.Addr(), first.from.Addr())
			}
			if len(v.master) != masters {
				return fmt.Errorf("%s sees %d replicas, not %d", s.Addr(), len(v.master), masters)
			}
		}
		for replica, master := range first.master {
			if err := inSync(ctx, replica, master); err != nil {
				return err
			}
		}
		return nil
	})
}

// A view is what one server knows of the cluster.
type view struct {
	from   *Server
	owner  [slots]*Server      // nil where no server owns the slot
	master map[*Server]*Server // of each replica
}

// ask returns the view of any server that runs.
func (c *Cluster) ask(ctx context.Context) (*view, error) {
	up := running(c.servers)
	if len(up) == 0 {
		return nil, errors.New("no server runs")
	}
	return c.view(ctx, up[0])
}

// view returns what s knows.
func (c *Cluster) view(ctx context.Context, s *Server) (*view, error) {
	v := &view{from: s, master: map[*Server]*Server{}}
	//lint:ignore SA1019 what replaces it needs Redis 7
	ranges, err := s.client.ClusterSlots(ctx).Result()
	if err != nil {
		return nil, err
	}
	for _, r := range ranges {
		var nodes []*Server // the master first
		for _, n := range r.Nodes {
			node := c.byAddr(n.Addr)
			if node == nil {
				return nil, fmt.Errorf("%s speaks of %s, which is none of us", s.Addr(), n.Addr)
			}
			nodes = append(nodes, node)
		}
		for slot := r.Start; slot <= r.End; slot++ {
			v.owner[slot] = nodes[0]
		}
		for _, replica := range nodes[1:] {
			v.master[replica] = nodes[0]
		}
	}
	return v, nil
}

// complete is view, and fails unless s takes the cluster for whole.
func (c *Cluster) complete(ctx context.Context, s *Server) (*view, error) {
	state, err := s.client.ClusterInfo(ctx).Result()
	if err != nil {
		return nil, err
	}
	if !strings.Contains(state, "cluster_state:ok") {
		return nil, fmt.Errorf("%s sees the cluster down", s.Addr())
	}
	v, err := c.view(ctx, s)
	if err != nil {
		return nil, err
	}
	for slot, owner := range v.owner {
		if owner == nil {
			return nil, fmt.Errorf("%s knows no owner of slot %d", s.Addr(), slot)
		}
	}
	return v, nil
}

// byAddr finds a server by its port: one that has not met the others yet does
// not know its own host.
func (c *Cluster) byAddr(addr string) *Server {
	_, port, _ := net.SplitHostPort(addr)
	for _, s := range c.servers {
		if port == strconv.Itoa(s.port) {
			return s
		}
	}
	return nil
}
