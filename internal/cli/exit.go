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
func (a *App) report(ctx context.Context, stderr io.Writer, err error) int {
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
	say(stderr, err.Error())
	code, hint := outcome(err)
	if hint != "" {
		fmt.Fprintln(stderr, "hint:", hint)
	}
	return code
}

// say prints a line that begins with the name of the program. Errors of package registry
// have it already.
func say(w io.Writer, text string) {
	fmt.Fprintln(w, "rollcall:", strings.TrimPrefix(text, "rollcall: "))
}

// outcome is the exit code for an error, and what to do about it.
func outcome(err error) (code int, hint string) {
	switch {
	case errors.Is(err, ErrUsage), errors.Is(err, registry.ErrInvalid):
		return ExitUsage, "add --help to see how the command is used"
	case errors.Is(err, registry.ErrUnavailable):
		return ExitUnavailable, "is this the right Redis, and does it run? Name it with --redis, $ROLLCALL_REDIS_URL or a context (rollcall help environment)"
	case errors.Is(err, registry.ErrNotFound):
		return ExitNotFound, "rollcall get services -A lists what is registered"
	case errors.Is(err, registry.ErrPermission):
		return ExitFailed, "rollcall acl prints the rights that each role needs"
	}
	return ExitFailed, ""
}

func exitCodesTopic() *cobra.Command {
	return &cobra.Command{
		Use:   "exit-codes",
		Short: "What the exit codes mean",
		Long: `The exit codes of rollcall:

  0    done
  1    an error, or a condition that is not met (rollcall wait)
  2    wrong usage: a command, a flag or an argument
  3    Redis does not answer, or cannot serve the call now
  4    there is no such service, node or override
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

A context holds namespace and prefix, too. --namespace and --prefix, or their variables,
override it. Where --redis or $ROLLCALL_REDIS_URL says where Redis is, no context is used.

NO_COLOR=1 turns colours off. They are on only where the output is a terminal.`,
	}
}
