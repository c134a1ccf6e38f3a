package main

import (
	"bufio"
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// manyNodes is how many nodes the benchmarks look at.
const manyNodes = 10_000

// manyRegistered returns a Redis with manyNodes nodes of the service shop.
func manyRegistered(b *testing.B) (*registry.Redis, string) {
	b.Helper()
	server := redistest.Start(b)
	r := registry.NewRegistry(registry.URL(server.URL()), registry.Logger(zerolog.Nop()), registry.Timeout(time.Minute))
	b.Cleanup(func() { _ = r.Close(context.Background()) })
	s := &registry.Service{Name: "shop", Version: "1.2.0", TTL: time.Hour}
	for i := range manyNodes {
		s.Nodes = append(s.Nodes, &registry.Node{
			Address: fmt.Sprintf("10.0.%d.%d:8080", i/250, i%250), Zone: "eu-1", Metadata: map[string]string{"team": "web", "n": strconv.Itoa(i)},
		})
	}
	if err := r.Register(context.Background(), s, registry.RegisterManual()); err != nil {
		b.Fatal(err)
	}
	return r, server.URL()
}

// BenchmarkMany runs the whole program, from its start to its end.
func BenchmarkMany(b *testing.B) {
	_, url := manyRegistered(b)
	b.Setenv("ROLLCALL_REDIS_URL", url)
	for name, args := range map[string][]string{
		"GetNodes": {"get", "nodes", "shop"}, "GetNodesJSON": {"get", "nodes", "shop", "-o", "json"},
		"GetNodesYAML": {"get", "nodes", "shop", "-o", "yaml"}, "GetServices": {"get", "services"},
		"CompleteService": {"__complete", "get", "nodes", ""}, "CompleteNode": {"__complete", "why", "shop", ""},
		"Wait": {"wait", "shop", "--for", "nodes>=10000"}, "Version": {"--version"},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if out, err := exec.Command(binary, args...).CombinedOutput(); err != nil {
					b.Fatalf("%v\n%s", err, out)
				}
			}
		})
	}
}

// BenchmarkManyWatched measures how long a change takes to the line that get -w prints.
// first-ms is the time from the start of the program to the last node that was there.
func BenchmarkManyWatched(b *testing.B) {
	r, url := manyRegistered(b)
	cmd := exec.Command(binary, "get", "nodes", "shop", "-w", "--redis", url)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	start := time.Now()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	lines := bufio.NewScanner(stdout)
	for range 1 + manyNodes {
		lines.Scan()
	}
	first := time.Since(start)
	n := 0
	for b.Loop() {
		n++
		node := &registry.Node{Address: "10.0.0.0:8080", Zone: "z" + strconv.Itoa(n)}
		s := &registry.Service{Name: "shop", Version: "1.2.0", TTL: time.Hour, Nodes: []*registry.Node{node}}
		if err := r.Register(b.Context(), s, registry.RegisterManual()); err != nil {
			b.Fatal(err)
		}
		if !lines.Scan() {
			b.Fatal(lines.Err())
		}
	}
	b.ReportMetric(float64(first.Milliseconds()), "first-ms")
}
