package probe

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollcall-go/rollcall/internal/cli"
	"github.com/rollcall-go/rollcall/registry"
)

// dials is how many nodes are dialed at the same time.
const dials = 64

// An answer is what came of dialing a node.
type answer struct {
	ID      string        `json:"id"`
	Address string        `json:"address"`
	Version string        `json:"version"`
	Status  string        `json:"status"` // in the registry
	Took    time.Duration `json:"took"`   // nanoseconds
	Error   string        `json:"error,omitempty"`
	Result  string        `json:"result"`
	node    *registry.Node
}

// The results of a ping.
const (
	answers   = "answers"
	silent    = "does not answer, and is registered"
	hasLeft   = "does not answer, and has left meanwhile"
	misplaced = "answers, and has left meanwhile"
)

var answerColumns = []cli.Column[answer]{
	{Name: "NODE", Cell: func(a answer) string { return a.ID }},
	{Name: "ADDRESS", Cell: func(a answer) string { return a.Address }},
	{Name: "VERSION", Wide: true, Cell: func(a answer) string { return a.Version }},
	{Name: "STATUS", Cell: func(a answer) string { return a.Status }},
	{Name: "TOOK", Cell: func(a answer) string { return a.Took.Round(10 * time.Microsecond).String() }},
	{Name: "RESULT", Cell: func(a answer) string { return a.Result }, Style: func(a answer) cli.Style {
		switch a.Result {
		case answers:
			return cli.Good
		case silent:
			return cli.Bad
		}
		return cli.Warn
	}},
	{Name: "ERROR", Cell: func(a answer) string { return a.Error }},
}

// Ping is rollcall ping.
func Ping(app *cli.App) *cobra.Command {
	var within time.Duration
	cmd := &cobra.Command{
		Use:   "ping SERVICE",
		Short: "Dial each node of a service, and compare with the registry",
		Long: `Connect to each node of a service from this machine, 64 at a time, and then read the
registry again: a node that does not answer may have left meanwhile.

Exit code 1 if a node that is registered does not answer, 4 if the service has no node.`,
		Example:           "  rollcall ping shop\n  rollcall ping shop --within 200ms -o json",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: app.CompleteService,
	}
	output := cli.OutputFlag(cmd)
	cmd.Flags().DurationVar(&within, "within", time.Second, "how long a node may take to answer")
	cmd.RunE = app.With(func(cmd *cobra.Command, args []string, r *registry.Redis) error {
		if within <= 0 {
			return cli.Usagef("--within %v: over 0 is needed", within)
		}
		list, err := ping(cmd.Context(), r, args[0], within)
		if err != nil {
			return err
		}
		if err := cli.NewPrinter(cmd.OutOrStdout(), output, answerColumns).All(list); err != nil {
			return err
		}
		failed := 0
		for _, a := range list {
			if a.Result == silent {
				failed++
			}
		}
		if failed > 0 {
			return fmt.Errorf("%d of %d nodes of %s do not answer", failed, len(list), cli.Text(args[0]))
		}
		return nil
	})
	return cmd
}

func ping(ctx context.Context, r *registry.Redis, service string, within time.Duration) ([]answer, error) {
	before, err := r.GetService(ctx, service)
	if err != nil {
		return nil, err
	}
	var list []answer
	for _, s := range before {
		for _, n := range s.Nodes {
			list = append(list, answer{ID: n.ID, Address: n.Address, Version: s.Version, Status: cli.Status(n), node: n})
		}
	}
	dialAll(ctx, list, within)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	after, err := r.GetService(ctx, service)
	if err != nil && !errors.Is(err, registry.ErrNotFound) {
		return nil, err
	}
	registered := map[string]bool{}
	for _, s := range after {
		for _, n := range s.Nodes {
			registered[n.ID] = true
		}
	}
	for i := range list {
		list[i].Result = result(list[i].Error == "", registered[list[i].ID])
	}
	return list, nil
}

func result(answered, registered bool) string {
	switch {
	case answered && registered:
		return answers
	case answered:
		return misplaced
	case registered:
		return silent
	}
	return hasLeft
}

// dialAll connects to each node, dials at a time.
func dialAll(ctx context.Context, list []answer, within time.Duration) {
	var wg sync.WaitGroup
	slots := make(chan struct{}, dials)
	for i := range list {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			a := &list[i]
			ctx, cancel := context.WithTimeout(ctx, within)
			defer cancel()
			start := time.Now()
			conn, err := new(net.Dialer).DialContext(ctx, cmp.Or(a.node.Network, "tcp"), a.node.Address)
			a.Took = time.Since(start)
			if err != nil {
				a.Error = err.Error()
				return
			}
			_ = conn.Close()
		})
	}
	wg.Wait()
}
