// Scale registers a fleet of nodes in a real Redis, renews it for a while, and prints what
// that takes: of a core of each Redis and of the clients, and how many renewals were missed.
//
//	go run ./scale -nodes 10000,30000,100000 -layout spread -plots out
//	go run ./scale -cluster -nodes 30000 -changes 100 -publish 20000
//	go run ./scale -nodes 1000 -services 1 -watchers 1000 -changes 1
//	go run ./scale -draw ../docs/performance/runs.json -parts ../docs/performance/parts.json -plots ../docs/performance
//
// It starts its servers itself, without persistence, by the redis-server in PATH or that of
// REDIS_SERVER. All clients run in this process.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// settings are what the flags say.
type settings struct {
	nodes                                   []int
	services, registries, watchers, changes int
	layout                                  string
	ttl, lasts                              time.Duration
	cluster                                 bool
	publish                                 int
	json, plots, draw, parts                string
}

func main() {
	var s settings
	nodes := flag.String("nodes", "10000", "of the whole fleet; several, separated by commas, are runs one after the other")
	flag.IntVar(&s.services, "services", 1000, "that the nodes belong to, evenly")
	flag.IntVar(&s.registries, "registries", 20, "that register them, as many processes would")
	flag.StringVar(&s.layout, "layout", "together", "together: one registry has all nodes of a service; spread: each has a part of every service")
	flag.DurationVar(&s.ttl, "ttl", 15*time.Second, "of a node; it is renewed every third of that")
	flag.DurationVar(&s.lasts, "for", 30*time.Second, "how long to renew and to measure")
	flag.IntVar(&s.watchers, "watchers", 0, "that watch the first service, each with a registry of its own")
	flag.IntVar(&s.changes, "changes", 0, "of a node of the first service each second")
	flag.BoolVar(&s.cluster, "cluster", false, "run on a cluster of three masters instead of one server")
	flag.IntVar(&s.publish, "publish", 0, "with -cluster: send so many messages by PUBLISH and by SPUBLISH, too")
	flag.StringVar(&s.json, "json", "", "write the results to this `file`, too")
	flag.StringVar(&s.plots, "plots", "", "draw the results over the number of nodes, into this `directory`, as SVG")
	flag.StringVar(&s.draw, "draw", "", "run nothing: compare the results in these `files`, separated by commas, with what -parts predicts, and draw both with -plots")
	flag.StringVar(&s.parts, "parts", "", "the `file` with what a renewal costs")
	flag.Parse()
	for _, n := range strings.Split(*nodes, ",") {
		i, err := strconv.Atoi(n)
		if err != nil || i < 1 {
			fatal(fmt.Errorf("-nodes %s: %q is no number of nodes", *nodes, n))
		}
		s.nodes = append(s.nodes, i)
	}
	if s.layout != "together" && s.layout != "spread" {
		fatal(fmt.Errorf("-layout %s: give together or spread", s.layout))
	}
	if s.services < 1 || s.registries < 1 {
		fatal(fmt.Errorf("-services %d -registries %d: give at least 1", s.services, s.registries))
	}
	if s.publish > 0 && !s.cluster {
		fatal(errors.New("-publish needs -cluster"))
	}
	if s.draw != "" {
		if err := compare(s); err != nil {
			fatal(err)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, s); err != nil {
		stop()
		fatal(err)
	}
}

func fatal(err error) {
	fmt.Fprintln(os.Stderr, "scale:", err)
	os.Exit(1)
}

// compare compares earlier results with what the parts predict.
func compare(s settings) error {
	all, p, err := load(s.draw, s.parts)
	if err != nil {
		return err
	}
	printPredictions(all, p, s.ttl/3)
	if s.plots == "" {
		return nil
	}
	return drawCapacity(s.plots, all, p, s.ttl/3)
}

// run measures the fleet at each size, on fresh servers.
func run(ctx context.Context, s settings) error {
	var all []result
	for _, n := range s.nodes {
		r, err := atSize(ctx, s, n)
		if err != nil {
			return fmt.Errorf("%d nodes: %w", n, err)
		}
		all = append(all, r)
	}
	printResults(all)
	if s.json != "" {
		doc, err := json.MarshalIndent(all, "", "\t")
		if err != nil {
			return err
		}
		if err := os.WriteFile(s.json, append(doc, '\n'), 0o644); err != nil {
			return err
		}
	}
	if s.plots != "" {
		return draw(s.plots, all)
	}
	return nil
}

func atSize(ctx context.Context, s settings, nodes int) (result, error) {
	d, err := deploy(ctx, s.cluster)
	if err != nil {
		return result{}, err
	}
	defer d.stop()
	r, err := measured(ctx, s, d, nodes)
	if err != nil || s.publish == 0 {
		return r, err
	}
	r.PublishUS, r.ShardedPublishUS, err = d.publish(ctx, s.publish)
	return r, err
}

func printResults(all []result) {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "nodes\tservices\tlayout\tregistered\tRedis, % of a core each\tclients, % of a core\trenewals/s\tmissed\tleft\tevents\tof\tKB/s")
	for _, r := range all {
		cores := make([]string, len(r.RedisCPU))
		for i, share := range r.RedisCPU {
			cores[i] = fmt.Sprintf("%.1f", share)
		}
		fmt.Fprintf(w, "%d\t%d\t%s\t%.1f s\t%s\t%.1f\t%.0f\t%d\t%d\t%d\t%d\t%.0f\n", r.Nodes, r.Services, r.Layout, r.Registered,
			strings.Join(cores, " "), r.ClientCPU, r.Renewals, r.Missed, r.Left, r.Events, r.EventsDue, r.Sent)
	}
	_ = w.Flush()
	for _, r := range all {
		if r.PublishUS > 0 {
			fmt.Printf("a message costs all masters together %.1f us by PUBLISH and %.1f us by SPUBLISH\n", r.PublishUS, r.ShardedPublishUS)
		}
	}
}
