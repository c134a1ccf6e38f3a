package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/redis/go-redis/v9"
	"github.com/spf13/cobra"
)

// An App is the program: its root command and the flags that all commands share.
type App struct {
	root    *cobra.Command
	place   place
	at      place // where the last registry was opened
	context string
	started bool  // the RunE of a command has begun
	misled  error // why there was no help to print
}

// New returns a program without commands but for those that belong to the frame itself.
func New(version string) *App {
	a := &App{}
	a.root = &cobra.Command{
		Use:     "rollcall",
		Short:   "Service registration and discovery on the Redis you already run",
		Version: version,
		Example: `  rollcall demo                                      see it work, without a Redis
  rollcall get nodes shop                            the nodes of a service
  rollcall drain shop 10.0.0.1:8080 --for 30m        no calls to a node for a while
  rollcall why shop 10.0.0.1:8080                    why a node is gone
  rollcall wait shop --for 'nodes>=3' --timeout 60s  gate a deploy`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	a.root.SetVersionTemplate("rollcall {{.Version}}\n")
	a.place.flags(a.root.PersistentFlags())
	a.root.PersistentFlags().StringVar(&a.context, "context", "", "name of the context to use: see rollcall context")
	must(a.root.RegisterFlagCompletionFunc("context", contextFlag))
	a.root.SetFlagErrorFunc(FlagError)
	a.root.SetHelpCommand(helpCommand())
	help := a.root.HelpFunc()
	a.root.SetHelpFunc(func(cmd *cobra.Command, args []string) {
		if words := cmd.Flags().Args(); len(words) > 0 && cmd.HasSubCommands() {
			a.misled = noCommand(cmd, words) // as rollcall nosuch --help
			return
		}
		help(cmd, args)
	})
	a.Add(a.contextCommand(), exitCodesTopic(), environmentTopic())
	return a
}

// Add adds commands.
func (a *App) Add(commands ...*cobra.Command) { a.root.AddCommand(commands...) }

// Run runs the command that the arguments name and returns the exit code. The first
// SIGINT or SIGTERM ends the command's context, whose cause then is a Signal; a second
// one ends the program.
func (a *App) Run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	ctx, stop := withSignals(ctx)
	defer stop()
	out, errs := guarded(stdout), guarded(stderr)
	redis.SetLogger(silent{})
	a.root.InitDefaultHelpCmd()
	a.root.InitDefaultCompletionCmd()
	a.prepare(a.root)
	a.root.SetArgs(args)
	a.root.SetOut(out)
	a.root.SetErr(errs)
	cmd, err := a.root.ExecuteContextC(ctx)
	return a.report(ctx, cmd, cmp.Or(err, a.misled))
}

// silent drops the lines of go-redis: each command reports its errors itself.
type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

// A Signal is the cause of a context that a signal has ended.
type Signal struct{ Signal syscall.Signal }

// Error names the signal.
func (s Signal) Error() string { return s.Signal.String() }

func withSignals(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	done := make(chan struct{})
	go func() {
		defer close(done)
		select {
		case s := <-signals:
			signal.Stop(signals)
			number, _ := s.(syscall.Signal)
			cancel(Signal{number})
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		cancel(nil)
		<-done
	}
}

// must is for what only a mistake in this program can cause.
func must(err error) {
	if err != nil {
		panic(fmt.Sprintf("rollcall: a mistake in the program: %v", err))
	}
}
