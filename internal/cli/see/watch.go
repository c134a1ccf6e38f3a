package see

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollcall-go/rollcall/internal/cli"
)

func watchCommand(app *cli.App) *cobra.Command {
	var s scope
	cmd := &cobra.Command{
		Use:   "watch [SERVICE] [-- COMMAND [ARGUMENT...]]",
		Short: "Print every change, or run a command for it",
		Long: `Print a line for every change of a node, the nodes that are there first: with -o json, a line
of JSON. The fields are those of rollcall get nodes -o json, and change (create, update or
delete), time and revision.

With a command, the command is run for each change, one at a time and in order, with the
line of JSON on its standard input. A command that fails ends the watch with its exit code.
While it runs, several changes of one node become one.`,
		Example: `  rollcall watch shop
  rollcall watch -A -o json
  rollcall watch shop -- ./on-change.sh
  rollcall watch shop -- sh -c 'jq -r .change,.id'`,
		ValidArgsFunction: app.CompleteService,
	}
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		before := len(args)
		if dash := cmd.ArgsLenAtDash(); dash >= 0 {
			before = dash
			if dash == len(args) {
				return cli.Usagef("there is no command behind --")
			}
		}
		if before > 1 {
			return cli.Usagef("%s SERVICE takes one service; a command stands behind --", cmd.CommandPath())
		}
		return nil
	}
	output := cli.OutputFlag(cmd)
	s.flags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		var command []string
		if dash := cmd.ArgsLenAtDash(); dash >= 0 {
			args, command = args[:dash], args[dash:]
		}
		s.in(args)
		if len(command) > 0 {
			return s.follow(app, cmd, func(batch []change) error { return runEach(cmd, command, batch) })
		}
		printer := cli.NewPrinter(cmd.OutOrStdout(), output, lineColumns(s.all))
		return s.follow(app, cmd, func(batch []change) error { return printer.More(batch...) })
	}
	return cmd
}

func lineColumns(namespaces bool) []cli.Column[change] {
	columns := []cli.Column[change]{
		{Name: "TIME", Cell: func(c change) string { return cli.Time(c.Time) }},
		{Name: "CHANGE", Cell: func(c change) string { return c.Change }, Style: func(c change) cli.Style { return actionStyle(c.Change) }},
	}
	for _, c := range append(baseColumns(namespaces), tagsColumn) {
		columns = append(columns, ofNode(c))
	}
	return append(columns, cli.Column[change]{Name: "REVISION", Wide: true, Cell: func(c change) string { return fmt.Sprint(c.Revision) }})
}

// ofNode is a column of nodes as a column of changes.
func ofNode(c cli.Column[node]) cli.Column[change] {
	column := cli.Column[change]{Name: c.Name, Wide: c.Wide, Cell: func(x change) string { return c.Cell(x.node) }}
	if c.Style != nil {
		column.Style = func(x change) cli.Style { return c.Style(x.node) }
	}
	return column
}

// stopTime is how long a command may take to end after Ctrl-C.
const stopTime = 5 * time.Second

// runEach runs a command for each change.
func runEach(cmd *cobra.Command, command []string, batch []change) error {
	for _, c := range batch {
		text, err := json.Marshal(c)
		if err != nil {
			return err
		}
		child := exec.CommandContext(cmd.Context(), command[0], command[1:]...)
		child.Cancel = func() error { return interrupt(child.Process) }
		child.WaitDelay = stopTime
		child.Stdin = bytes.NewReader(append(text, '\n'))
		child.Stdout, child.Stderr = cli.Raw(cmd.OutOrStdout()), cli.Raw(cmd.ErrOrStderr())
		if err := child.Run(); err != nil {
			if cmd.Context().Err() != nil {
				return cmd.Context().Err()
			}
			failed := fmt.Errorf("run %s for a change of %s/%s: %w", command[0], c.Service, c.ID, err)
			if code := child.ProcessState.ExitCode(); child.ProcessState != nil && code > 0 {
				return &cli.ExitError{Code: code, Err: failed}
			}
			return failed
		}
	}
	return nil
}
