package see

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/rollcall-go/rollcall/internal/cli"
	"github.com/rollcall-go/rollcall/registry"
)

func describeCommand(app *cli.App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "describe",
		Short: "Show all about a service or a node",
		Example: `  rollcall describe service shop
  rollcall describe node shop 10.0.0.1:8080 -o yaml`,
	}
	cli.Kinds(cmd, "service", "node")
	cmd.AddCommand(describeService(app), describeNode(app))
	return cmd
}

// A described service is a service with all that is known of it.
type described struct {
	service
	Metadata  map[string]map[string]string `json:"metadata,omitempty"`  // by version
	Endpoints map[string][]string          `json:"endpoints,omitempty"` // names, by version
	Overrides []override                   `json:"overrides"`
	History   []entry                      `json:"history"`
}

func describeService(app *cli.App) *cobra.Command {
	cmd := &cobra.Command{
		Use:               "service SERVICE",
		Aliases:           []string{"services", "svc"},
		Short:             "Show all about a service: nodes, versions, endpoints, overrides, changes",
		Example:           "  rollcall describe service shop",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: app.CompleteService,
	}
	output := cli.OutputFlagOfOne(cmd)
	cmd.RunE = app.With(func(cmd *cobra.Command, args []string, r *registry.Redis) error {
		d, history, err := describe(cmd, r, args[0])
		if err != nil {
			return err
		}
		if !output.Table() {
			return output.Write(cmd.OutOrStdout(), d)
		}
		_, err = cmd.OutOrStdout().Write(d.page(history).Bytes())
		return err
	})
	return cmd
}

func describe(cmd *cobra.Command, r *registry.Redis, name string) (*described, []registry.HistoryEntry, error) {
	ctx, op := cmd.Context(), r.Operator("")
	versions, err := r.GetService(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	active, err := op.Overrides(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	history, err := op.History(ctx, name)
	if err != nil && !errors.Is(err, registry.ErrNotFound) {
		return nil, nil, err
	}
	var nodes []node
	d := &described{Metadata: map[string]map[string]string{}, Endpoints: map[string][]string{}, Overrides: []override{}}
	for _, s := range versions {
		if len(s.Metadata) > 0 {
			d.Metadata[s.Version] = s.Metadata
		}
		for _, e := range s.Endpoints {
			d.Endpoints[s.Version] = append(d.Endpoints[s.Version], e.Name)
		}
		for _, n := range s.Nodes {
			nodes = append(nodes, newNode(s.Namespace, s.Name, s.Version, n))
		}
	}
	d.service = count(nodes)[0] // GetService returns at least one node
	for _, a := range active {
		d.Overrides = append(d.Overrides, fromOverride(a))
	}
	d.History = entries(history[:min(len(history), shownChanges)])
	return d, history, nil
}

func (d *described) page(history []registry.HistoryEntry) *page {
	p := &page{}
	p.field("service", d.Namespace+"/"+d.Service)
	p.field("nodes", fmt.Sprintf("%d: %d up, %d draining, %d idle", d.Nodes, d.Up, d.Draining, d.Idle))
	p.list("versions", d.Versions)
	p.list("zones", d.Zones)
	for _, version := range slices.Sorted(maps.Keys(d.Metadata)) {
		p.list("metadata of version "+cli.Text(cmp.Or(version, `""`)), pairs(d.Metadata[version]))
	}
	for _, version := range slices.Sorted(maps.Keys(d.Endpoints)) {
		p.list("endpoints of version "+cli.Text(cmp.Or(version, `""`)), d.Endpoints[version])
	}
	var lines []string
	for _, o := range d.Overrides {
		line := overrideLines([]override{o})[0]
		if o.Node != "" {
			line = o.Node + ": " + line
		}
		lines = append(lines, line)
	}
	p.list("overrides", lines)
	lines = nil
	for _, e := range history[:min(len(history), shownChanges)] {
		line := fromHistory(e).String()
		if e.Node != "" {
			line = e.Node + "  " + line
		}
		lines = append(lines, line)
	}
	p.list("last changes", lines)
	return p
}

func pairs(metadata map[string]string) (lines []string) {
	for _, k := range slices.Sorted(maps.Keys(metadata)) {
		lines = append(lines, k+"="+metadata[k])
	}
	return lines
}

func describeNode(app *cli.App) *cobra.Command {
	cmd := &cobra.Command{
		Use:               "node SERVICE NODE",
		Aliases:           []string{"nodes", "no"},
		Short:             "Show all about a node: record, lease, overrides, changes",
		Example:           "  rollcall describe node shop 10.0.0.1:8080",
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: app.CompleteServiceNode,
	}
	output := cli.OutputFlagOfOne(cmd)
	cmd.RunE = app.With(func(cmd *cobra.Command, args []string, r *registry.Redis) error {
		e, err := r.Operator("").Why(cmd.Context(), args[0], args[1])
		if err != nil {
			return err
		}
		if e.Info == nil {
			return fmt.Errorf("describe %s/%s: %w: %s rollcall why tells more", args[0], args[1], registry.ErrNotFound, e.Cause)
		}
		if !output.Table() {
			return output.Write(cmd.OutOrStdout(), struct {
				node
				Own     node    `json:"own"`
				History []entry `json:"history"`
			}{fromInfo(e.Info), newNode(e.Namespace, e.Service, e.Info.Version, e.Info.Own), entries(e.History)})
		}
		_, err = cmd.OutOrStdout().Write(nodePage(e).Bytes())
		return err
	})
	return cmd
}

func nodePage(e *registry.Explanation) *page {
	p := &page{}
	n, own := fromInfo(e.Info), newNode(e.Namespace, e.Service, e.Info.Version, e.Info.Own)
	p.field("node", n.Namespace+"/"+n.Service+"/"+n.ID)
	p.field("version", n.Version)
	p.field("network", n.Network)
	p.field("address", n.Address)
	p.field("zone", n.Zone)
	p.field("status", overridden(n.Status, own.Status))
	p.field("weight", overridden(fmt.Sprint(n.Weight), fmt.Sprint(own.Weight)))
	p.list("metadata", pairs(n.Metadata))
	if !maps.Equal(n.Metadata, own.Metadata) {
		p.list("its own metadata", pairs(own.Metadata))
	}
	p.field("lease", fmt.Sprintf("ends in %s unless it is renewed, TTL %s", cli.Duration(n.left), n.TTL))
	p.field("process", n.Process+", has had the node for "+cli.Duration(n.age))
	p.list("overrides", overrideLines(n.Overrides))
	p.list("last changes", entryLines(e.History))
	return p
}

// overridden is a value as clients see it, and the node's own where it is another one.
func overridden(seen, own string) string {
	if seen == own {
		return seen
	}
	return seen + ", set by an operator; the node itself says " + own
}
