package steer

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rollcall-go/rollcall/internal/cli"
	"github.com/rollcall-go/rollcall/registry"
)

func undoCommand(app *cli.App) *cobra.Command {
	var a act
	cmd := a.command(app, "undo SERVICE NODE|--all [status|weight|metadata:KEY...]")
	cmd.Short = "Undo what operators set on a node, or on all nodes of a service"
	cmd.Long = `Undo what operators set on a node: all of it, or what is named as in rollcall get overrides -o json.
With --all, it is undone for all nodes of the service, one by one or together.`
	cmd.Example = `  rollcall undo shop 10.0.0.1:8080
  rollcall undo shop --all weight metadata:canary`
	cmd.Args = a.args(0, anyNumber)
	cmd.RunE = app.With(func(cmd *cobra.Command, _ []string, r *registry.Redis) error { return a.undo(cmd, r, a.rest...) })
	return cmd
}

// undo takes back aspects, or all for none, of a node; with --all, of each node that has
// some of them set, and of all together.
func (a *act) undo(cmd *cobra.Command, r *registry.Redis, aspects ...string) error {
	op := r.Operator(a.by).WithReason(a.reason)
	active, err := op.Overrides(cmd.Context(), a.service)
	if err != nil {
		return err
	}
	var undone []string
	found := map[string]bool{}
	for _, o := range active {
		if (a.all || o.Node == a.node) && (len(aspects) == 0 || slices.Contains(aspects, o.Aspect)) {
			found[o.Node] = true
			undone = append(undone, o.String())
		}
	}
	slices.Sort(undone)
	what := strings.Join(slices.Compact(undone), ", ")
	if len(found) == 0 {
		if err := a.known(cmd, r, active); err != nil {
			return err
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%s: nothing to undo\n", a.target())
		return nil
	}
	if a.dryRun {
		fmt.Fprintf(cmd.OutOrStdout(), "dry run: %s: would undo %s\n", a.target(), what)
		return nil
	}
	for node := range found {
		if node == "" {
			err = op.UndoAll(cmd.Context(), a.service, aspects...)
		} else {
			err = op.Undo(cmd.Context(), a.service, node, aspects...)
		}
		if err != nil {
			return err
		}
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s: undone %s\n", a.target(), cmp.Or(what, "all"))
	return nil
}

// known fails where nothing is set and there is no such node either: a name that is
// mistyped is no success.
func (a *act) known(cmd *cobra.Command, r *registry.Redis, active []registry.ActiveOverride) error {
	if slices.ContainsFunc(active, func(o registry.ActiveOverride) bool { return a.all || o.Node == a.node }) {
		return nil
	}
	return a.mustExist(cmd, r)
}
