package cli

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// prepare goes through all commands before one of them runs: it names the variable of
// each flag, sets flags from the environment, notes where a command's own work begins,
// and makes a wrong word an error with suggestions.
func (a *App) prepare(cmd *cobra.Command) {
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if hasVariable(f) && !strings.Contains(f.Usage, "[$") {
			f.Usage += " [$" + variable(f.Name) + "]"
		}
	})
	if cmd.HasSubCommands() {
		group(cmd)
	}
	check := cmd.Args
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		err := setFromEnvironment(cmd.Flags())
		if err == nil {
			err = checkWords(cmd, args, check)
		}
		if err != nil {
			return cmd.FlagErrorFunc()(cmd, err) // check has a way of its own to say it
		}
		return nil
	}
	if run := runOf(cmd); run != nil {
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			a.started = true
			return run(cmd, args)
		}
	}
	for _, sub := range cmd.Commands() {
		a.prepare(sub)
	}
}

func runOf(cmd *cobra.Command) func(*cobra.Command, []string) error {
	if cmd.RunE != nil || cmd.Run == nil {
		return cmd.RunE
	}
	run := cmd.Run
	return func(cmd *cobra.Command, args []string) error {
		run(cmd, args)
		return nil
	}
}

// group makes a command that only holds others show its help, and refuse a word that is
// none of them.
func group(cmd *cobra.Command) {
	if cmd.Runnable() {
		return
	}
	cmd.Run = func(cmd *cobra.Command, _ []string) { _ = cmd.Help() }
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		return noCommand(cmd, args)
	}
}
