// Package top is the command that shows all services in a live table.
package top

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/mattn/go-runewidth"
	"github.com/spf13/cobra"

	"github.com/rollcall-go/rollcall/internal/cli"
	"github.com/rollcall-go/rollcall/internal/plural"
	"github.com/rollcall-go/rollcall/registry"
)

// shortest is the shortest time between two refreshes.
const shortest = 100 * time.Millisecond

var columns = []cli.Column[row]{
	{Name: "SERVICE", Cell: func(r row) string { return r.Service }},
	{Name: "NODES", Cell: func(r row) string { return fmt.Sprint(r.Nodes) }},
	{Name: "UP", Cell: func(r row) string { return fmt.Sprint(r.Up) }},
	{Name: "DRAINING", Cell: func(r row) string { return fmt.Sprint(r.Draining) }},
	{Name: "EXPIRED", Cell: func(r row) string { return fmt.Sprint(r.Expired) }, Style: func(r row) cli.Style {
		if r.Expired > 0 {
			return cli.Warn
		}
		return cli.Plain
	}},
	{Name: "JOINED/S", Cell: func(r row) string { return fmt.Sprintf("%.1f", r.Joined) }},
	{Name: "LEFT/S", Cell: func(r row) string { return fmt.Sprintf("%.1f", r.Left) }},
	{Name: "CHANGES/S", Cell: func(r row) string { return fmt.Sprintf("%.1f", r.Changes) }},
	{Name: "VIEW", Cell: func(r row) string { return r.Health }, Style: func(r row) cli.Style {
		if r.Health == "live" {
			return cli.Good
		}
		return cli.Bad
	}},
}

type flags struct {
	interval time.Duration
	sort     string
	once     bool
	output   *cli.Output
}

// Command is rollcall top.
func Command(app *cli.App) *cobra.Command {
	var f flags
	names := slices.Sorted(maps.Keys(orders))
	cmd := &cobra.Command{
		Use:   "top",
		Short: "A live table of all services, with their nodes and the rates of changes",
		Long: `Show all services of the namespace in a table that is refreshed in place, until Ctrl-C.
Where the output is no terminal, or with --once or another output than a table, it prints
one table and ends.

UP nodes take calls; an idle node, which has the weight 0, is neither up nor draining. EXPIRED nodes left
without Deregister, within about the last TTL and since top runs. JOINED, LEFT and CHANGES
are a second, since the last refresh; changes are those of nodes that stay, too. Nodes
come in by change events: the table costs Redis no more than any client.`,
		Example: "  rollcall top\n  rollcall top --sort changes --interval 5s\n  rollcall top -o json",
		Args:    cobra.NoArgs,
	}
	f.output = cli.OutputFlag(cmd)
	cmd.Flags().DurationVar(&f.interval, "interval", time.Second, "time between two refreshes, at least 100ms")
	cmd.Flags().StringVar(&f.sort, "sort", "name", "one of "+strings.Join(names, ", "))
	cmd.Flags().BoolVar(&f.once, "once", false, "print one table, and end")
	cmd.RunE = app.With(func(cmd *cobra.Command, _ []string, r *registry.Redis) error {
		if orders[f.sort] == nil {
			return cli.Usagef("--sort %s: want one of %s", cli.Text(f.sort), strings.Join(names, ", "))
		}
		if f.interval < shortest {
			return cli.Usagef("--interval %v: want at least %v", f.interval, shortest)
		}
		ctx, cancel := context.WithCancel(cmd.Context())
		b := newBoard(r)
		defer b.followers.Wait()
		defer cancel()
		if err := b.start(ctx); err != nil {
			return err
		}
		if f.once || !f.output.Table() || !cli.IsTerminal(cmd.OutOrStdout()) {
			return f.print(ctx, cmd, b, r)
		}
		err := f.show(ctx, b, screen{cli.Raw(cmd.OutOrStdout())}, r.String())
		if errors.Is(err, context.Canceled) && ctx.Err() != nil {
			return nil // Ctrl-C is how it ends
		}
		return err
	})
	return cmd
}

// print prints one table.
func (f *flags) print(ctx context.Context, cmd *cobra.Command, b *board, r *registry.Redis) error {
	ctx, cancel := context.WithTimeoutCause(ctx, r.Options().Timeout, fmt.Errorf("%w: a service could not be read in time", registry.ErrUnavailable))
	defer cancel()
	if err := b.ready(ctx); err != nil {
		return cmp.Or(context.Cause(ctx), err)
	}
	rows, err := b.rows(time.Now(), orders[f.sort])
	if err != nil {
		return err
	}
	return cli.NewPrinter(cmd.OutOrStdout(), f.output, columns).All(rows)
}

// show refreshes the table until ctx ends, and leaves the terminal as it was.
func (f *flags) show(ctx context.Context, b *board, s screen, where string) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	ticks := time.NewTicker(f.interval)
	defer ticks.Stop()
	for {
		now := time.Now()
		rows, err := b.rows(now, orders[f.sort])
		if err != nil {
			return err
		}
		width, height := s.size()
		if err := s.draw(f.lines(where, now, rows, width, height), height); err != nil {
			return err
		}
		select {
		case <-ticks.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// lines are what a terminal of this size shows.
func (f *flags) lines(where string, now time.Time, rows []row, width, height int) [][]byte {
	sum := total(rows)
	shown := append([]row{sum}, rows...)
	shown = shown[:min(len(shown), max(1, height-3))]
	var table bytes.Buffer
	fmt.Fprintf(&table, "%s  %s  %s", now.Format(time.TimeOnly), where, plural.Count(len(rows), "service"))
	if hidden := len(rows) + 1 - len(shown); hidden > 0 {
		fmt.Fprintf(&table, ", %d below", hidden)
	}
	table.WriteString("\n\n")
	_ = cli.NewPrinter(&table, f.output, columns).All(shown) // a buffer takes all
	lines := bytes.Split(bytes.TrimRight(table.Bytes(), "\n"), []byte("\n"))
	for i, line := range lines {
		lines[i] = []byte(runewidth.Truncate(string(line), width, "…"))
	}
	return lines
}
