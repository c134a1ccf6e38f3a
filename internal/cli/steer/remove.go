package steer

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rollcall-go/rollcall/internal/cli"
	"github.com/rollcall-go/rollcall/registry"
)

func removeCommand(app *cli.App) *cobra.Command {
	var a act
	var yes bool
	cmd := a.command(app, "remove SERVICE NODE|--all")
	cmd.Flags().BoolVar(&yes, "yes", false, "with --all: really remove every node")
	cmd.Flags().DurationVar(&a.duration, "for", 0, "refused: see args")
	_ = cmd.Flags().MarkHidden("for") // it is there
	cli.NotInEnvironment(cmd, "yes", "for")
	cmd.Short = "Remove a node for good, until its process is started anew"
	cmd.Long = `Remove a node, as if it had deregistered. Its process stops renewing it, and does not register it
again before it is started anew. It has no end, because the process gives the node up: to keep calls
off a node for a while, use rollcall weight SERVICE NODE 0 --for 30m, or rollcall drain.

--all removes the nodes that are there now, one by one, and needs --yes.`
	cmd.Example = `  rollcall remove shop 10.0.0.1:8080 --reason "the machine is gone"
  rollcall remove shop --all --dry-run`
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if cmd.Flags().Changed("for") { // the process of the node does not come back by itself
			return cli.Usagef("remove has no --for: a removed node stays away until its process is started again; " +
				"for no calls for a while: rollcall weight SERVICE NODE 0 --for 30m, or rollcall drain SERVICE NODE --for 30m")
		}
		return a.args(0, 0)(cmd, args)
	}
	cmd.RunE = app.With(func(cmd *cobra.Command, _ []string, r *registry.Redis) error {
		infos, err := a.nodes(cmd, r)
		if err != nil {
			return err
		}
		if a.all && !a.dryRun && !yes {
			return cli.Usagef("this removes %d nodes of %s: give --yes, or look at them with --dry-run", len(infos), a.service)
		}
		op := r.Operator(a.by)
		for _, i := range infos {
			name := a.service + "/" + i.Node.ID
			if a.dryRun {
				fmt.Fprintf(cmd.OutOrStdout(), "dry run: %s would be removed\n", name)
				continue
			}
			err := op.Remove(cmd.Context(), a.service, i.Node.ID, a.reason)
			switch {
			case a.all && errors.Is(err, registry.ErrNotFound):
				fmt.Fprintf(cmd.ErrOrStderr(), "%s has left meanwhile\n", name)
			case err != nil:
				return err
			default:
				fmt.Fprintf(cmd.OutOrStdout(), "%s is removed\n", name)
			}
		}
		return nil
	})
	return cmd
}
