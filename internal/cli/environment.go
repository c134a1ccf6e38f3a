package cli

import (
	"cmp"
	"errors"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// notInEnvironment marks a flag that has no environment variable.
const notInEnvironment = "rollcall-not-in-environment"

// NotInEnvironment says that flags of a command have no environment variable, because a
// forgotten one would do harm.
func NotInEnvironment(cmd *cobra.Command, flags ...string) {
	for _, name := range flags {
		must(cmd.Flags().SetAnnotation(name, notInEnvironment, []string{"true"}))
	}
}

// callTimeout is the flag that is --timeout of all commands but those which have a --timeout
// of their own.
const callTimeout = "call-timeout"

// variable is the environment variable of a flag.
func variable(flag string) string {
	switch flag {
	case "redis":
		return "ROLLCALL_REDIS_URL"
	case callTimeout:
		return "ROLLCALL_TIMEOUT"
	}
	return "ROLLCALL_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

func hasVariable(f *pflag.Flag) bool {
	return f.Name != "help" && f.Name != "version" && f.Annotations[notInEnvironment] == nil
}

// fromEnvironment holds the names of the flags that the environment has set.
const fromEnvironment = "rollcall-from-environment"

// setFromEnvironment sets the flags that were not given on the command line. An empty
// variable counts as none.
func setFromEnvironment(flags *pflag.FlagSet) (err error) {
	flags.VisitAll(func(f *pflag.Flag) {
		value := os.Getenv(variable(f.Name))
		if err != nil || f.Changed || !hasVariable(f) || value == "" {
			return
		}
		if failed := flags.Set(f.Name, value); failed != nil {
			err = valueError("$"+variable(f.Name), f, value, cmp.Or(errors.Unwrap(failed), failed))
			return
		}
		_ = flags.SetAnnotation(f.Name, fromEnvironment, []string{"true"})
	})
	return err
}

// onCommandLine reports whether a flag was given, and not only by the environment.
func onCommandLine(f *pflag.Flag) bool {
	return f != nil && f.Changed && f.Annotations[fromEnvironment] == nil
}
