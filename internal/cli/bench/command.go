// Package bench is the command that measures a Redis by what a registry does with it.
package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollcall-go/rollcall/internal/cli"
	"github.com/rollcall-go/rollcall/internal/errdefs"
	"github.com/rollcall-go/rollcall/registry"
)

// The bounds of a run: a Redis that others use must not notice much of it.
const (
	maxNodes = 20000
	maxFor   = time.Minute
)

// A result is one thing that was measured.
type result struct {
	What   string        `json:"what"`
	Count  int           `json:"count"`
	Took   time.Duration `json:"took"` // nanoseconds
	Rate   float64       `json:"rate"` // a second
	P50    time.Duration `json:"p50,omitempty"`
	P99    time.Duration `json:"p99,omitempty"`
	Remark string        `json:"remark,omitempty"`
}

var columns = []cli.Column[result]{
	{Name: "WHAT", Cell: func(r result) string { return r.What }},
	{Name: "COUNT", Cell: func(r result) string { return fmt.Sprint(r.Count) }},
	{Name: "TOOK", Cell: func(r result) string { return round(r.Took) }},
	{Name: "A SECOND", Cell: func(r result) string { return fmt.Sprintf("%.0f", r.Rate) }},
	{Name: "MEDIAN", Cell: func(r result) string { return round(r.P50) }},
	{Name: "99 %", Cell: func(r result) string { return round(r.P99) }},
	{Name: "WHAT IT IS", Cell: func(r result) string { return r.Remark }},
}

func round(d time.Duration) string {
	switch {
	case d == 0:
		return ""
	case d < time.Millisecond:
		return d.Round(time.Microsecond).String()
	case d < time.Second:
		return d.Round(10 * time.Microsecond).String()
	}
	return d.Round(time.Millisecond).String()
}

// Command is rollcall bench.
func Command(app *cli.App) *cobra.Command {
	var p plan
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure this Redis: how fast nodes register, renew, change and are read",
		Long: fmt.Sprintf(`Register nodes of a service that exists for this run alone, renew, read and change them,
deregister them, and print the rates. Nothing of it is left, also after Ctrl-C; after a kill
the nodes are gone when their leases end, and the rest a day later.

It uses the Redis and the network that callers use: run it where they run. It takes at most
%d nodes and %v. A Redis that serves others gets slower meanwhile.`, maxNodes, maxFor),
		Example: "  rollcall bench\n  rollcall bench --nodes 10000 --for 10s -o json",
		Args:    cobra.NoArgs,
	}
	output := cli.OutputFlag(cmd)
	cmd.Flags().IntVar(&p.nodes, "nodes", 1000, "how many nodes")
	cmd.Flags().DurationVar(&p.each, "for", 2*time.Second, "how long renewing, reading and changing take, each")
	cmd.RunE = func(cmd *cobra.Command, _ []string) (err error) {
		if p.nodes < 1 || p.nodes > maxNodes || p.each <= 0 || p.each > maxFor/4 {
			return cli.Usagef("--nodes %d --for %v: want 1 to %d nodes, and up to %v", p.nodes, p.each, maxNodes, maxFor/4)
		}
		r, err := app.Open(cmd, registry.TTL(lease))
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(cmd.Context(), maxFor)
		defer cancel()
		results, err := p.run(ctx, r)
		if err = errdefs.Join(err, r.Close(context.WithoutCancel(ctx))); err != nil {
			return err
		}
		return cli.NewPrinter(cmd.OutOrStdout(), output, columns).All(results)
	}
	return cmd
}
