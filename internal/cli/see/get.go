package see

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rollcall-go/rollcall/internal/cli"
	"github.com/rollcall-go/rollcall/registry"
)

func getCommand(app *cli.App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "get",
		Short: "List services, nodes, overrides or namespaces",
		Example: `  rollcall get services
  rollcall get nodes shop -o wide
  rollcall get nodes -l zone=eu-1 -w
  rollcall get nodes shop -o jsonpath='$[?@.status=="draining"].id'
  rollcall get overrides -A`,
	}
	cli.Kinds(cmd, "nodes")
	cmd.SuggestFor = []string{"list", "ls", "ps", "show"}
	cmd.AddCommand(getNodes(app), getServices(app), getOverrides(app), getNamespaces(app))
	return cmd
}

// A lister is a command that lists Ts, and with -w goes on with those that change.
type lister struct {
	scope
	watch  bool
	output *cli.Output
}

func (l *lister) command(app *cli.App, use, short, example string) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short, Example: example,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: app.CompleteService,
	}
	l.output = cli.OutputFlag(cmd)
	cmd.Flags().BoolVarP(&l.watch, "watch", "w", false, "keep watching, and print what changes, until Ctrl-C")
	return cmd
}

// printAll prints a list. Where it is empty, a line on standard error says so.
func printAll[T any](cmd *cobra.Command, output *cli.Output, columns []cli.Column[T], items []T, none string) error {
	if len(items) == 0 && output.Table() {
		fmt.Fprintln(cmd.ErrOrStderr(), none)
	}
	return cli.NewPrinter(cmd.OutOrStdout(), output, columns).All(items)
}

func getNodes(app *cli.App) *cobra.Command {
	var l lister
	cmd := l.command(app, "nodes [SERVICE]", "List the nodes of a service, or of all", `  rollcall get nodes shop
  rollcall get nodes -l team=web -o wide
  rollcall get nodes shop -o jsonpath='$[*].address'`)
	cmd.Long = `List the nodes of a service, or of all services of the namespace, as clients see them.

STATUS is up, draining, or idle: an idle node has the weight 0 and gets no calls. The same three
states are counted by get services, wait, check and top, so that up nodes are those that take calls.
LEASE is how long the node stays without a renewal, AGE how long its process has had it.
The nodes are in the order of their services and IDs. With -w, the nodes that are there come
first, then every change.`
	cmd.Aliases = []string{"node", "no"}
	l.flags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		l.in(args)
		if l.watch {
			return watchNodes(app, cmd, &l)
		}
		return app.With(func(cmd *cobra.Command, _ []string, r *registry.Redis) error {
			infos, err := l.operator(r).Nodes(cmd.Context(), l.service)
			if err != nil {
				return err
			}
			return printAll(cmd, l.output, nodeColumns(l.all), nodesOf(infos, l.labels), "no nodes")
		})(cmd, args)
	}
	return cmd
}

// watchNodes prints the nodes that are there, and what changes.
func watchNodes(app *cli.App, cmd *cobra.Command, l *lister) error {
	columns := []cli.Column[change]{{
		Name: "CHANGE", Cell: func(c change) string { return c.Change }, Style: func(c change) cli.Style { return actionStyle(c.Change) },
	}}
	for _, c := range append(baseColumns(l.all), tagsColumn) {
		columns = append(columns, ofNode(c))
	}
	printer := cli.NewPrinter(cmd.OutOrStdout(), l.output, columns)
	return l.follow(app, cmd, func(batch []change) error { return printer.More(batch...) })
}

func getServices(app *cli.App) *cobra.Command {
	var l lister
	cmd := l.command(app, "services [SERVICE]", "List the services that have nodes, with the numbers of their nodes", `  rollcall get services
  rollcall get services -A -o json
  rollcall get services -w`)
	cmd.Aliases = []string{"service", "svc"}
	l.flags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		l.in(args)
		if l.watch {
			return watchServices(app, cmd, &l)
		}
		return app.With(func(cmd *cobra.Command, _ []string, r *registry.Redis) error {
			infos, err := l.operator(r).Nodes(cmd.Context(), l.service)
			if err != nil {
				return err
			}
			return printAll(cmd, l.output, serviceColumns(l.all), count(nodesOf(infos, l.labels)), "no services")
		})(cmd, args)
	}
	return cmd
}

// watchServices prints the services, and each again when its numbers have changed.
func watchServices(app *cli.App, cmd *cobra.Command, l *lister) error {
	printer := cli.NewPrinter(cmd.OutOrStdout(), l.output, serviceColumns(l.all))
	t := tally{}
	return l.follow(app, cmd, func(batch []change) error { return printer.More(t.apply(batch)...) })
}

func getOverrides(app *cli.App) *cobra.Command {
	var l lister
	cmd := l.command(app, "overrides [SERVICE]", "List what operators set: drained nodes, weights, labels", `  rollcall get overrides
  rollcall get overrides shop -o yaml`)
	cmd.Long = `List what operators set on nodes, or on all nodes of a service (NODE is (all)).

An override that is not in force has ended, or was for a process that does not have the
node any more; Redis keeps it for a while.`
	cmd.Aliases = []string{"override", "ov"}
	l.everywhere(cmd)
	cmd.RunE = app.With(func(cmd *cobra.Command, args []string, r *registry.Redis) error {
		l.in(args)
		list := func() (found []override, err error) {
			active, err := l.operator(r).Overrides(cmd.Context(), l.service)
			for _, a := range active {
				found = append(found, fromOverride(a))
			}
			return found, err
		}
		if l.watch {
			return poll(cmd, l.output, overrideColumns(l.all), list, override.key, override.undone)
		}
		found, err := list()
		if err != nil {
			return err
		}
		return printAll(cmd, l.output, overrideColumns(l.all), found, "no overrides")
	})
	return cmd
}
