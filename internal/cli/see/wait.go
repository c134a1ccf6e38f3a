package see

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollcall-go/rollcall/internal/cli"
	"github.com/rollcall-go/rollcall/internal/plural"
	"github.com/rollcall-go/rollcall/registry"
)

func waitCommand(app *cli.App) *cobra.Command {
	var until conditions
	var labels cli.Labels
	var version string
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "wait SERVICE --for CONDITION",
		Short: "Wait until a service has as many nodes as a condition says",
		Long: `Wait until a service meets all conditions, and return at once if it does already: the gate of
a deploy. A condition is nodes, up or draining, then >=, >, =, < or <=, then a number. up are
nodes that take calls: neither draining nor idle, which is a weight of 0. A condition is never met by an old
view: while Redis is away, the command waits.

The exit code is 0 when the conditions are met, 1 when the time is over, and 3 when Redis was
away all the time, or is when the time is over. Whatever keeps the command from waiting, such
as a wrong password, has another code (rollcall help exit-codes).`,
		Example: `  rollcall wait shop --for 'nodes>=3' --timeout 60s
  rollcall wait shop --for 'up>=3' --version 1.3.0 && rollcall wait shop --for nodes=0 --version 1.2.0
  rollcall wait shop --for draining=0 --for 'up>=2' -l team=web`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: app.CompleteService,
	}
	cmd.Flags().Var(&until, "for", "what to wait for, such as 'nodes>=3'; given many times, all of it")
	cmd.Flags().DurationVar(&timeout, "timeout", time.Minute, "how long to wait; 0: without end")
	app.CallTimeoutFlag(cmd)
	cmd.Flags().VarP(&labels, "label", "l", "count only nodes with this metadata")
	cmd.Flags().StringVar(&version, "version", "", "count only nodes of this version")
	cli.NotInEnvironment(cmd, "timeout", "version") // $ROLLCALL_TIMEOUT is that of --call-timeout
	if err := cmd.MarkFlagRequired("for"); err != nil {
		panic(err)
	}
	counted := func(v *registry.View) service {
		var nodes []node
		for _, s := range v.Services {
			for _, n := range s.Nodes {
				if labels.Match(n.Metadata) && (!cmd.Flags().Changed("version") || s.Version == version) {
					nodes = append(nodes, newNode(s.Namespace, s.Name, s.Version, n))
				}
			}
		}
		if len(nodes) == 0 {
			return service{}
		}
		return count(nodes)[0]
	}
	cmd.RunE = app.With(func(cmd *cobra.Command, args []string, r *registry.Redis) error {
		if timeout < 0 {
			return cli.Usagef("--timeout %v is negative", timeout)
		}
		ctx := cmd.Context()
		if timeout > 0 {
			limited, cancel := context.WithTimeout(ctx, timeout)
			defer cancel()
			ctx = limited
		}
		f, err := r.Follow(args[0])
		if err != nil {
			return err
		}
		defer f.Stop()
		return await(ctx, cmd, f, args[0], &until, counted, app.NoAnswer)
	})
	return cmd
}

// await returns when a live view meets the conditions. Each view with other numbers is a
// line on standard error.
func await(ctx context.Context, cmd *cobra.Command, f registry.Follower, name string, until *conditions,
	counted func(*registry.View) service, noAnswer func(err error, within string) string,
) error {
	start, known, said, stale := time.Now(), "", "", error(nil)
	for {
		v, err := f.Next(ctx)
		switch {
		case err == nil:
		case cmd.Context().Err() != nil:
			return context.Canceled
		case !errors.Is(err, context.DeadlineExceeded):
			return err
		case stale != nil || known == "" || errors.Is(err, registry.ErrUnavailable):
			away := noAnswer(errors.Join(stale, err), cli.Duration(time.Since(start)))
			if known == "" {
				return fmt.Errorf("wait for %s: %w: %s; the state of %s is not known", until, registry.ErrUnavailable, away, name)
			}
			return fmt.Errorf("wait for %s: %w: %s; the last known state is that %s has %s", until, registry.ErrUnavailable, away, name, known)
		default:
			return fmt.Errorf("%s is not met after %s: %s has %s", until, cli.Duration(time.Since(start)), name, known)
		}
		s := counted(v)
		known = fmt.Sprintf("%s, %d up, %d draining", plural.Count(s.Nodes, "node"), s.Up, s.Draining)
		line := known
		if stale = v.Err; stale != nil {
			line += ", and Redis is away"
		} else if until.met(s) {
			fmt.Fprintf(cmd.OutOrStdout(), "%s has %s: %s is met after %s\n", name, line, until, cli.Duration(time.Since(start)))
			return nil
		}
		if line != said {
			fmt.Fprintf(cmd.ErrOrStderr(), "%s has %s; waiting for %s\n", name, line, until)
		}
		said = line
	}
}
