package probe

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/internal/cli"
	"github.com/rollcall-go/rollcall/registry"
)

// A candidate is a node of a service, and whether a client would call it.
type candidate struct {
	ID       string  `json:"id"`
	Address  string  `json:"address"`
	Network  string  `json:"network"`
	Version  string  `json:"version"`
	Zone     string  `json:"zone"`
	Weight   int     `json:"weight"`
	Status   string  `json:"status"`
	Share    float64 `json:"share"` // of the calls, 0 to 1
	Why      string  `json:"why"`
	eligible bool
}

var candidateColumns = []cli.Column[candidate]{
	{Name: "NODE", Cell: func(c candidate) string { return c.ID }},
	{Name: "ADDRESS", Cell: func(c candidate) string { return c.Address }},
	{Name: "VERSION", Cell: func(c candidate) string { return c.Version }},
	{Name: "ZONE", Cell: func(c candidate) string { return c.Zone }},
	{Name: "WEIGHT", Cell: func(c candidate) string { return fmt.Sprint(c.Weight) }},
	{Name: "STATUS", Cell: func(c candidate) string { return c.Status }},
	{Name: "NETWORK", Wide: true, Cell: func(c candidate) string { return c.Network }},
	{Name: "CALLS", Cell: func(c candidate) string { return fmt.Sprintf("%.1f%%", 100*c.Share) }, Style: func(c candidate) cli.Style {
		if c.eligible {
			return cli.Good
		}
		return cli.Faint
	}},
	{Name: "WHY", Cell: func(c candidate) string { return c.Why }},
}

// A wish is what the flags of resolve ask for.
type wish struct {
	version, zone, key string

	labels  cli.Labels
	one     bool
	changed func(flag string) bool
}

func (w *wish) options() (opts []discovery.PickOption) {
	if w.changed("version") {
		opts = append(opts, discovery.Version(w.version))
	}
	if w.zone != "" {
		opts = append(opts, discovery.Zone(w.zone))
	}
	for key, value := range w.labels {
		opts = append(opts, discovery.Label(key, value))
	}
	if w.key != "" {
		opts = append(opts, discovery.HashKey(w.key), discovery.Maglev())
	}
	return opts
}

// Resolve is rollcall resolve.
func Resolve(app *cli.App) *cobra.Command {
	var w wish
	var output *cli.Output
	cmd := &cobra.Command{
		Use:   "resolve SERVICE",
		Short: "Show which node a client would pick, and why",
		Long: `Show which nodes of a service a client picks from, which share of its calls each gets,
and why others get none. The flags are the options of a pick in package discovery.

The shares are those by weight, as all balancers but RoundRobin, Random and LeastLoaded
give them to nodes that answer equally fast. With --key, one node gets all calls of that
key (Maglev).

Exit code 1 if the service has no node that can be picked, 4 if there is no such service.`,
		Example: `  rollcall resolve shop
  rollcall resolve shop --zone eu-1 --version 2 -l tier=gold
  curl http://$(rollcall resolve shop --pick)/health`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: app.CompleteService,
	}
	output = cli.OutputFlag(cmd)
	fs := cmd.Flags()
	fs.StringVar(&w.version, "version", "", "only nodes of this version")
	fs.StringVar(&w.zone, "zone", "", "prefer the nodes of this zone")
	fs.VarP(&w.labels, "label", "l", "only nodes with this metadata, or whose service has it; several with commas or flags")
	fs.StringVar(&w.key, "key", "", "pick by this key")
	fs.BoolVar(&w.one, "pick", false, "print the address of one node, picked as a client would")
	w.changed = fs.Changed
	cmd.RunE = app.With(func(cmd *cobra.Command, args []string, r *registry.Redis) error {
		resolver := discovery.New(r, discovery.Logger(zerolog.Nop()), discovery.Timeout(r.Options().Timeout))
		defer func() { _ = resolver.Close() }()
		if w.one {
			picked, err := resolver.Pick(cmd.Context(), args[0], w.options()...)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), picked.Node().Address)
			return err
		}
		candidates, err := w.candidates(cmd.Context(), resolver, args[0])
		if err != nil {
			return err
		}
		if err := cli.NewPrinter(cmd.OutOrStdout(), output, candidateColumns).All(candidates); err != nil {
			return err
		}
		if !slices.ContainsFunc(candidates, func(c candidate) bool { return c.eligible }) {
			return fmt.Errorf("a client gets no node of %s", cli.Text(args[0]))
		}
		return nil
	})
	return cmd
}

// candidates lists the nodes of a service, those that get calls first.
func (w *wish) candidates(ctx context.Context, r *discovery.Resolver, service string) ([]candidate, error) {
	all, err := r.Resolve(ctx, service)
	if err != nil {
		return nil, err
	}
	selected, err := r.Resolve(ctx, service, w.options()...)
	if err != nil {
		return nil, err
	}
	ready, total := map[string]bool{}, 0
	for _, n := range selected.Ready() {
		ready[n.ID] = true
		total += cli.Weight(n)
	}
	if w.key != "" && total > 0 {
		picked, err := r.Pick(ctx, service, w.options()...)
		if err != nil {
			return nil, err
		}
		ready, total = map[string]bool{picked.Node().ID: true}, cli.Weight(picked.Node())
	}
	var list []candidate
	for _, n := range all.Nodes() {
		s := all.ServiceOf(n)
		c := candidate{
			ID: n.ID, Address: n.Address, Network: cmp.Or(n.Network, "tcp"), Version: s.Version, Zone: n.Zone,
			Weight: cli.Weight(n), Status: cli.Status(n), eligible: ready[n.ID],
		}
		if c.eligible {
			c.Share = float64(c.Weight) / float64(total)
		}
		c.Why = w.why(c, n, s)
		list = append(list, c)
	}
	slices.SortStableFunc(list, func(a, b candidate) int { return cmp.Compare(b.Share, a.Share) })
	return list, nil
}

// why says why a node gets calls, or none.
func (w *wish) why(c candidate, n *registry.Node, s *registry.Service) string {
	if w.changed("version") && s.Version != w.version {
		return "another version"
	}
	for key, value := range w.labels {
		if got, ok := n.Metadata[key]; ok && got != value || !ok && s.Metadata[key] != value {
			return fmt.Sprintf("%s is not %s", key, value)
		}
	}
	inZone := w.zone == "" || n.Zone == w.zone
	switch {
	case n.Weight == registry.NoTraffic:
		return "its weight is 0"
	case c.eligible && n.Status == registry.Draining:
		return "it drains, and no other node can be called"
	case c.eligible && w.key != "":
		return "the key is its"
	case c.eligible && !inZone:
		return "too few nodes of the zone can be called"
	case c.eligible:
		return "picked by weight"
	case n.Status == registry.Draining:
		return "it drains"
	case !inZone:
		return "another zone"
	}
	return "the key is another node's"
}
