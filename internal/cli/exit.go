package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rollcall-go/rollcall/registry"
)

// The exit codes. A command that a signal ends returns 128 plus the number of the signal:
// 130 after Ctrl-C, 143 after SIGTERM.
const (
	ExitDone        = 0
	ExitFailed      = 1 // an error, or a condition that is not met
	ExitUsage       = 2 // a wrong command, flag or argument
	ExitUnavailable = 3 // Redis does not answer, or cannot serve the call now
	ExitNotFound    = 4 // there is no such service, node or override
	ExitRefused     = 5 // Redis refuses the user or the password, or a right is missing
	ExitInterrupted = 130
)

// ErrUsage: the command line is wrong. An error that wraps it ends the program with
// ExitUsage, as every error before RunE does.
var ErrUsage = errors.New("wrong usage")

// An ExitError ends the program with a code of the command's own.
type ExitError struct {
	Code int
	Err  error // printed, unless it is nil
}

// Error returns the text of Err.
func (e *ExitError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("exit code %d", e.Code)
	}
	return e.Err.Error()
}

// Unwrap returns Err.
func (e *ExitError) Unwrap() error { return e.Err }

// Usagef returns an ErrUsage with a text of its own.
func Usagef(format string, args ...any) error {
	return usageError{fmt.Errorf(format, args...)}
}

type usageError struct{ error }

func (usageError) Is(target error) bool { return target == ErrUsage }
func (e usageError) Unwrap() error      { return e.error }

// report prints what went wrong and what to do, and returns the exit code.
func (a *App) report(ctx context.Context, cmd *cobra.Command, err error) int {
	stderr := cmd.ErrOrStderr()
	if err == nil {
		return ExitDone
	}
	var own *ExitError
	if errors.As(err, &own) {
		if own.Err != nil {
			say(stderr, own.Err.Error())
		}
		return own.Code
	}
	var by Signal
	if errors.Is(err, context.Canceled) && errors.As(context.Cause(ctx), &by) {
		say(stderr, "interrupted")
		return 128 + int(by.Signal)
	}
	if !a.started {
		err = usageError{err}
	}
	text, hint := a.Explain(err)
	say(stderr, text)
	switch {
	case hint != "":
		fmt.Fprintln(stderr, "hint:", hint)
	case !a.started:
		fmt.Fprint(stderr, usageOf(cmd))
	case errors.Is(err, ErrUsage), errors.Is(err, registry.ErrInvalid):
		fmt.Fprintf(stderr, "hint: %s --help tells more\n", cmd.CommandPath())
	}
	return codeOf(err)
}

// say prints a line that begins with the name of the program. Errors of package registry
// have it already.
func say(w io.Writer, text string) {
	fmt.Fprintln(w, "rollcall:", strings.TrimPrefix(text, "rollcall: "))
}

// codeOf is the exit code for an error.
func codeOf(err error) int {
	switch {
	case errors.Is(err, ErrUsage), errors.Is(err, registry.ErrInvalid):
		return ExitUsage
	case errors.Is(err, registry.ErrUnavailable):
		return ExitUnavailable
	case errors.Is(err, registry.ErrNotFound):
		return ExitNotFound
	case errors.Is(err, registry.ErrPermission):
		return ExitRefused
	}
	return ExitFailed
}

func exitCodesTopic() *cobra.Command {
	return &cobra.Command{
		Use:   "exit-codes",
		Short: "What the exit codes mean",
		Long: `The exit codes of rollcall:

  0    done
  1    an error, or a condition that is not met (rollcall wait)
  2    wrong usage: a command, a flag, an argument or a file of settings
  3    Redis does not answer, or cannot serve the call now
  4    there is no such service, node or override
  5    Redis refuses the user or the password, or a right is missing
  130  interrupted by Ctrl-C; 143 by SIGTERM

A command that returns other codes says so in its own help.`,
	}
}

func environmentTopic() *cobra.Command {
	return &cobra.Command{
		Use:   "environment",
		Short: "Environment variables, and which setting is used",
		Long: `Every flag can be given by an environment variable: ROLLCALL_ and the name of the
flag in capitals, with _ in the place of -. The variable of --redis is
ROLLCALL_REDIS_URL. The help of a command names the variables of its flags; a few flags
have none, because a forgotten variable would do harm.

Where Redis is, the first of these says:

  1. --redis
  2. --context
  3. $ROLLCALL_REDIS_URL
  4. $ROLLCALL_CONTEXT
  5. the current context: rollcall context use
  6. 127.0.0.1:6379

User and password come with it: from its URL, or from the context. --username and --password
go before those; $ROLLCALL_USERNAME and $ROLLCALL_PASSWORD count where it has none.

A context holds namespace and prefix, too. --namespace and --prefix, or their variables,
override it. Where --redis or $ROLLCALL_REDIS_URL says where Redis is, no context is used.

NO_COLOR=1 turns colours off. They are on only where the output is a terminal.`,
	}
}
