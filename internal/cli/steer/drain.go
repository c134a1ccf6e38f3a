package steer

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rollcall-go/rollcall/internal/cli"
	"github.com/rollcall-go/rollcall/registry"
)

func drainCommand(app *cli.App) *cobra.Command {
	var a act
	cmd := a.command(app, "drain SERVICE NODE|--all")
	a.timed(cmd)
	cmd.Short = "Keep new calls off a node, or off all nodes of a service"
	cmd.Long = `Mark a node as draining: clients turn to other nodes within milliseconds, and calls under way are
finished. A draining node gets calls only where no other is up.

It ends with rollcall undrain, after --for, or when the process of the node ends: the next
process on the same address begins undrained, unless --stay is given. With --all, nodes that
register later drain, too, until undrain --all.`
	cmd.Example = `  rollcall drain shop 10.0.0.1:8080 --for 30m --reason "new kernel"
  rollcall drain shop --all --dry-run`
	cmd.Args = a.args(0, 0)
	cmd.RunE = app.With(func(cmd *cobra.Command, _ []string, r *registry.Redis) error {
		v, draining := a.override(), registry.Draining
		v.Status = &draining
		return a.set(cmd, r, v, a.target()+" drains")
	})
	return cmd
}

func undrainCommand(app *cli.App) *cobra.Command {
	var a act
	cmd := a.command(app, "undrain SERVICE NODE|--all")
	cmd.Short = "Undo a drain"
	cmd.Long = `Undo what rollcall drain did to a node; with --all, to all nodes of the service, one by one or
together. A node that drains by itself, because its process is about to end, goes on draining.`
	cmd.Example = `  rollcall undrain shop 10.0.0.1:8080
  rollcall undrain shop --all`
	cmd.Args = a.args(0, 0)
	cmd.RunE = app.With(func(cmd *cobra.Command, _ []string, r *registry.Redis) error {
		if err := a.undo(cmd, r, "status"); err != nil || a.dryRun {
			return err
		}
		return a.stillDraining(cmd, r)
	})
	return cmd
}

// stillDraining says why nodes drain though that was undone.
func (a *act) stillDraining(cmd *cobra.Command, r *registry.Redis) error {
	infos, err := r.Operator("").Nodes(cmd.Context(), a.service)
	if err != nil {
		return nil // it is undone all the same
	}
	for _, i := range infos {
		switch {
		case !a.all && i.Node.ID != a.node || i.Node.Status != registry.Draining:
		case i.Own.Status == registry.Draining:
			fmt.Fprintf(cmd.ErrOrStderr(), "%s/%s drains still: its own process says so\n", a.service, i.Node.ID)
		default:
			fmt.Fprintf(cmd.ErrOrStderr(), "%s/%s drains still: all nodes of the service do; rollcall undrain %s --all\n", a.service, i.Node.ID, a.service)
		}
	}
	return nil
}
