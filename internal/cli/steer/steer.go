// Package steer has the commands of rollcall that change what clients see of nodes.
package steer

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollcall-go/rollcall/internal/cli"
	"github.com/rollcall-go/rollcall/registry"
)

// Commands returns the commands.
func Commands(app *cli.App) []*cobra.Command {
	return []*cobra.Command{
		drainCommand(app), undrainCommand(app), weightCommand(app), labelCommand(app), undoCommand(app), removeCommand(app),
	}
}

// An act is one call of a command that changes something.
type act struct {
	all, dryRun, stay bool
	by, reason        string
	duration          time.Duration

	service, node string // node is "" with --all
	rest          []string
}

// command returns a command about SERVICE NODE or SERVICE --all, and then some more words.
func (a *act) command(app *cli.App, use string) *cobra.Command {
	cmd := &cobra.Command{Use: use, ValidArgsFunction: app.CompleteServiceNode}
	f := cmd.Flags()
	f.BoolVar(&a.all, "all", false, "in the place of NODE: all nodes of the service")
	f.BoolVar(&a.dryRun, "dry-run", false, "only say what would be done")
	f.StringVar(&a.reason, "reason", "", "why; the history shows it")
	f.StringVar(&a.by, "by", cli.WhoAmI(), "who does this; the history shows it")
	cli.NotInEnvironment(cmd, "all")
	return cmd
}

// timed adds the flags of a command that sets an override.
func (a *act) timed(cmd *cobra.Command) {
	f := cmd.Flags()
	f.DurationVar(&a.duration, "for", 0, "how long, such as 30m; then Redis undoes it by itself")
	f.BoolVar(&a.stay, "stay", false, "stay in force for the next process of the node, too")
	cli.NotInEnvironment(cmd, "for")
}

// args reads SERVICE NODE, or SERVICE with --all, and words after them, as many as a
// command takes.
func (a *act) args(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		want := 2
		if a.all {
			want = 1
		}
		if len(args) < want {
			return cli.Usagef("%s needs %s, or SERVICE and --all", cmd.CommandPath(), cmd.Use)
		}
		a.service, a.node, a.rest = args[0], "", args[want:]
		if !a.all {
			a.node = args[1]
		}
		if len(a.rest) < least || len(a.rest) > most {
			return cli.Usagef("wrong number of arguments: %s %s", cmd.CommandPath(), cmd.Use)
		}
		if a.duration < 0 {
			return cli.Usagef("--for %v is negative", a.duration)
		}
		return nil
	}
}

// anyNumber of arguments.
const anyNumber = 1 << 10

// target names what the act is about, for a line of output.
func (a *act) target() string {
	if a.all {
		return "all nodes of " + a.service
	}
	return a.service + "/" + a.node
}

// override has the settings that all overrides share.
func (a *act) override() registry.Override {
	return registry.Override{Reason: a.reason, For: a.duration, Stay: a.stay}
}

// ends says when an override ends.
func (a *act) ends() string {
	text := ""
	if a.duration > 0 {
		text = " for " + cli.Duration(a.duration)
	}
	switch {
	case a.all || a.stay:
		return text
	case text == "":
		return " until its process ends"
	}
	return text + ", or until its process ends"
}

// set sets an override, and says what it has done.
func (a *act) set(cmd *cobra.Command, r *registry.Redis, v registry.Override, done string) error {
	if a.dryRun {
		if err := a.mustExist(cmd, r); err != nil {
			return err
		}
		fmt.Fprintf(cmd.OutOrStdout(), "dry run: %s%s\n", done, a.ends())
		return nil
	}
	var err error
	if op := r.Operator(a.by); a.all {
		err = op.SetAll(cmd.Context(), a.service, v)
	} else {
		err = op.Set(cmd.Context(), a.service, a.node, v)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s%s\n", done, a.ends())
	return nil
}

// mustExist fails where there is no such node, as the change itself would.
func (a *act) mustExist(cmd *cobra.Command, r *registry.Redis) error {
	_, err := a.nodes(cmd, r)
	return err
}

// nodes returns the nodes that the act is about.
func (a *act) nodes(cmd *cobra.Command, r *registry.Redis) ([]registry.NodeInfo, error) {
	infos, err := r.Operator("").Nodes(cmd.Context(), a.service)
	if err != nil || a.all {
		return infos, err
	}
	for i := range infos {
		if infos[i].Node.ID == a.node {
			return infos[i : i+1], nil
		}
	}
	return nil, fmt.Errorf("%s %s: %w: it is not registered now; rollcall why %s %s tells more",
		cmd.Name(), a.target(), registry.ErrNotFound, a.service, a.node)
}
