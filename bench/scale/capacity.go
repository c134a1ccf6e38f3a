package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/rollcall-go/rollcall/internal/lua"
)

// parts are what renewals cost a Redis, measured by small runs.
type parts struct {
	Idle float64 // % of a core, by 20 registries with one node each
	Trip float64 // us of CPU: a pipeline, whatever it holds
	Call float64 // us: a call of the script, without its nodes
	Node float64 // us: a node in a call
}

// together is how long a registry waits for more to renew, to send it in one pipeline.
const together = 50 * time.Millisecond

// cpu predicts the share of a core that renewals take, in percent. Nodes belong evenly to
// services, and are renewed every interval.
func (p parts) cpu(nodes int, r result, interval time.Duration) float64 {
	batches := min(r.Services, nodes) // of nodes of one service in one registry
	registries := min(r.Registries, batches)
	if r.Layout == "spread" {
		registries = max(1, min(r.Registries, nodes/r.Services))
		batches = min(nodes, r.Services*registries)
	}
	calls := batches * ((nodes/batches + lua.MaxNodes - 1) / lua.MaxNodes)
	s := interval.Seconds()
	due := float64(batches) / float64(registries) / s // batches a second in each registry
	trips := float64(registries) * due / (1 + due*together.Seconds())
	return p.Idle + 1e-4*(p.Trip*trips+p.Call*float64(calls)/s+p.Node*float64(nodes)/s)
}

// load reads what earlier runs have written, and the parts.
func load(files, partsFile string) (all []result, p parts, err error) {
	if partsFile == "" {
		return nil, p, errors.New("-draw needs -parts")
	}
	for _, f := range strings.Split(files, ",") {
		var some []result
		if err := read(f, &some); err != nil {
			return nil, p, err
		}
		all = append(all, some...)
	}
	return all, p, read(partsFile, &p)
}

func read(file string, into any) error {
	doc, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(doc, into); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}

// printPredictions prints what was measured beside what the parts predict.
func printPredictions(all []result, p parts, interval time.Duration) {
	fmt.Println("nodes  layout  Redis, % of a core: measured, predicted")
	for _, r := range all {
		fmt.Printf("%d  %s  %.1f  %.1f\n", r.Nodes, r.Layout, r.RedisCPU[0], p.cpu(r.Nodes, r, interval))
	}
	for _, layout := range []string{"together", "spread"} {
		r := result{Services: 1000, Registries: 20, Layout: layout}
		for _, n := range []int{300_000, 1_000_000} {
			fmt.Printf("%d  %s  -  %.0f\n", n, layout, p.cpu(n, r, interval))
		}
	}
}
