package main

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/keys"
	"github.com/rollcall-go/rollcall/registry"
)

// A deployment is one server, or a cluster of three masters.
type deployment struct {
	cluster bool
	dir     string
	addrs   []string
	servers []*redis.Client
	all     redis.UniversalClient
	ends    []func()
}

func (d *deployment) stop() {
	for i := len(d.ends) - 1; i >= 0; i-- {
		d.ends[i]()
	}
}

func (d *deployment) options() registry.Option {
	return func(o *registry.Options) {
		registry.Addrs(d.addrs...)(o)
		registry.Cluster(d.cluster)(o)
	}
}

// deploy starts the servers and waits until they serve.
func deploy(ctx context.Context, cluster bool) (*deployment, error) {
	dir, err := os.MkdirTemp("", "rollcall-scale-")
	if err != nil {
		return nil, err
	}
	d := &deployment{cluster: cluster, dir: dir, ends: []func(){func() { _ = os.RemoveAll(dir) }}}
	servers := 1
	if cluster {
		servers = 3
	}
	for range servers {
		if err := d.start(ctx); err != nil {
			d.stop()
			return nil, err
		}
	}
	d.all = redis.NewUniversalClient(&redis.UniversalOptions{Addrs: d.addrs, IsClusterMode: cluster})
	d.ends = append(d.ends, func() { _ = d.all.Close() })
	if cluster {
		if err := d.join(ctx); err != nil {
			d.stop()
			return nil, err
		}
	}
	return d, nil
}

// start starts one server on a port that is free, and its bus 10,000 below that.
func (d *deployment) start(ctx context.Context) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	port := l.Addr().(*net.TCPAddr).Port
	if err := l.Close(); err != nil {
		return err
	}
	args := []string{
		"--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--save", "", "--dir", d.dir,
		"--logfile", fmt.Sprint(port, ".log"), "--maxclients", "20000",
	}
	if d.cluster {
		args = append(args, "--cluster-enabled", "yes", "--cluster-config-file", fmt.Sprint(port, ".conf"), "--cluster-port", strconv.Itoa(port-10_000))
	}
	cmd := exec.Command(cmp.Or(os.Getenv("REDIS_SERVER"), "redis-server"), args...)
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start Redis (install redis-server, or set REDIS_SERVER): %w", err)
	}
	d.ends = append(d.ends, func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	addr := fmt.Sprint("127.0.0.1:", port)
	c := redis.NewClient(&redis.Options{Addr: addr})
	d.ends = append(d.ends, func() { _ = c.Close() })
	d.addrs, d.servers = append(d.addrs, addr), append(d.servers, c)
	return wait(ctx, addr, func() error { return c.Ping(ctx).Err() })
}

// join gives each server a third of the slots, and waits until all agree.
func (d *deployment) join(ctx context.Context) error {
	const slots = 16384
	for i, c := range d.servers {
		if err := c.ClusterAddSlotsRange(ctx, i*slots/3, (i+1)*slots/3-1).Err(); err != nil {
			return err
		}
		_, port, err := net.SplitHostPort(d.addrs[0])
		if err != nil {
			return err
		}
		first, err := strconv.Atoi(port)
		if err != nil {
			return err
		}
		if err := c.Do(ctx, "CLUSTER", "MEET", "127.0.0.1", first, first-10_000).Err(); err != nil && i > 0 {
			return err
		}
	}
	for i, c := range d.servers {
		err := wait(ctx, d.addrs[i], func() error {
			info, err := c.ClusterInfo(ctx).Result()
			if err == nil && (!strings.Contains(info, "cluster_state:ok") || !strings.Contains(info, "cluster_size:3")) {
				err = fmt.Errorf("the cluster is not ready: %s", info)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// wait calls ready until it succeeds, for half a minute.
func wait(ctx context.Context, addr string, ready func() error) error {
	for deadline := time.Now().Add(30 * time.Second); ; {
		err := ready()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil || time.Now().After(deadline) {
			return fmt.Errorf("wait for Redis at %s: %w", addr, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// usage is what a server has used.
type usage struct {
	cpu  float64 // s
	sent float64 // bytes
}

func (d *deployment) usage(ctx context.Context) (all []usage, err error) {
	for _, c := range d.servers {
		info, err := c.InfoMap(ctx, "cpu", "stats").Result()
		if err != nil {
			return nil, err
		}
		var u usage
		for _, f := range []struct {
			section, name string
			to            *float64
		}{{"CPU", "used_cpu_sys", &u.cpu}, {"CPU", "used_cpu_user", &u.cpu}, {"Stats", "total_net_output_bytes", &u.sent}} {
			n, err := strconv.ParseFloat(info[f.section][f.name], 64)
			if err != nil {
				return nil, fmt.Errorf("INFO: %s: %w", f.name, err)
			}
			*f.to += n
		}
		all = append(all, u)
	}
	return all, nil
}

// listed counts the nodes in the indexes of the services.
func (d *deployment) listed(ctx context.Context, services int) (nodes int, err error) {
	space, err := keys.New("rollcall")
	if err != nil {
		return 0, err
	}
	for i := range services {
		n, err := d.all.ZCard(ctx, space.Service("default", name(i)).Index()).Result()
		if err != nil {
			return 0, err
		}
		nodes += int(n)
	}
	return nodes, nil
}
