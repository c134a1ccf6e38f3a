// Package run is the command that runs any program as a node.
package run

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/rollcall-go/rollcall/internal/cli"
	"github.com/rollcall-go/rollcall/internal/logs"
	"github.com/rollcall-go/rollcall/internal/sidecar"
	"github.com/rollcall-go/rollcall/registry"
)

type flags struct {
	service, address, id, check, version, zone string

	tags    cli.Labels
	weight  int
	ttl     time.Duration
	verbose bool
}

// Command is rollcall run.
func Command(app *cli.App) *cobra.Command {
	var f flags
	var cfg sidecar.Config
	cmd := &cobra.Command{
		Use:   "run --service SERVICE --address ADDRESS [flags] -- COMMAND [ARGUMENT...]",
		Short: "Run a program as a node: registered while it runs and its check passes",
		Long: `Run a program, and register it as a node for as long as it runs and its check passes.
The program needs to know nothing of Rollcall.

SIGTERM or SIGINT registers the node as draining, so that it gets no new calls. After
--drain the signal is handed on to the command and to what it has started; a second one
ends the wait. Other signals are handed on at once, to the command alone. When the
command has ended, the node is deregistered, and processes that it left behind are
killed.

Redis is not needed to run: if it is away, the node is registered when it is back, and
after a flush again. A node that an operator removed, or that another process has taken,
is left alone until the command is started again.

A check is one of

  http://host:port/path   a GET whose status is 200 to 399; https, too
  tcp://host:port         a connection can be made
  cmd:WORDS               the shell command exits with 0

The exit code is that of the command, or 128 and the number of the signal that ended it;
127 if there is no such command, 126 if it cannot be executed, 2 for wrong usage.`,
		Example: `  rollcall run --service shop --address 10.0.0.1:8080 -- ./shop --port 8080
  rollcall run --service shop --address :8080 --check http://127.0.0.1:8080/health --tag tier=gold -- ./shop
  rollcall run --service db --address :5432 --check 'cmd:pg_isready -q' --drain 0 -- postgres -D /data`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg.Command = args
			return f.run(app, cmd, cfg)
		},
	}
	fs := cmd.Flags()
	fs.SetInterspersed(false) // what follows the command is the command's
	fs.StringVar(&f.service, "service", "", "name of the service (needed)")
	fs.StringVar(&f.address, "address", "", "what callers dial: host:port; :port finds the address of this machine; unix:/path (needed)")
	fs.StringVar(&f.id, "id", "", "id of the node (default: the address)")
	fs.StringVar(&f.check, "check", "", "decides whether the node is registered (default: while the command runs)")
	fs.DurationVar(&cfg.CheckInterval, "check-interval", sidecar.DefaultCheckInterval, "time between two checks")
	fs.DurationVar(&cfg.CheckTimeout, "check-timeout", sidecar.DefaultCheckTimeout, "longest time of a check")
	fs.IntVar(&cfg.CheckFailures, "check-failures", sidecar.DefaultCheckFailures, "failures in a row that deregister the node")
	fs.DurationVar(&cfg.Drain, "drain", sidecar.DefaultDrain, "how long the node drains before a signal is handed on")
	fs.Var(&f.tags, "tag", "metadata of the node, several with commas or flags")
	fs.IntVar(&f.weight, "weight", registry.DefaultWeight, "share of the calls; 0: none")
	fs.StringVar(&f.zone, "zone", "", "where the node runs")
	fs.StringVar(&f.version, "version", "", "version of the service")
	fs.DurationVar(&f.ttl, "ttl", registry.DefaultTTL, "how long the node outlives its last renewal")
	fs.BoolVarP(&f.verbose, "verbose", "v", false, "log registrations, too, not only troubles")
	return cmd
}

func (f *flags) run(app *cli.App, cmd *cobra.Command, cfg sidecar.Config) (err error) {
	signals, stop := sidecar.NotifySignals()
	defer stop()
	if err := cmd.Context().Err(); err != nil { // a signal that came before
		return err
	}
	if cfg.Service, err = f.registration(); err != nil {
		return err
	}
	if f.check != "" {
		if cfg.Check, err = sidecar.ParseCheck(f.check); err != nil {
			return cli.Usagef("--check: %w", err)
		}
	}
	cfg.Stdin, cfg.Stdout, cfg.Stderr = cmd.InOrStdin(), cli.Raw(cmd.OutOrStdout()), cli.Raw(cmd.ErrOrStderr())
	cfg.Signals, cfg.Logger = signals, f.logger(cmd.ErrOrStderr())
	if cfg.Registry, err = app.Open(cmd, registry.Logger(cfg.Logger)); err != nil {
		return err
	}
	// Run takes the signals itself: the end of the command's context is one of them.
	code, err := sidecar.Run(context.WithoutCancel(cmd.Context()), cfg)
	if code != 0 && !errors.Is(err, registry.ErrInvalid) {
		return &cli.ExitError{Code: code, Err: err}
	}
	return err
}

func (f *flags) logger(out io.Writer) zerolog.Logger {
	if f.verbose {
		return logs.Console(out).Level(zerolog.InfoLevel)
	}
	return logs.Console(out)
}

// registration is what the flags say of the node.
func (f *flags) registration() (*registry.Service, error) {
	if f.service == "" || f.address == "" {
		return nil, cli.Usagef("say what to register: --service NAME --address HOST:PORT")
	}
	n := &registry.Node{ID: f.id, Network: "tcp", Zone: f.zone, Weight: f.weight, Metadata: f.tags}
	address := f.address
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		n.Network, address = "unix", path
	}
	var err error
	if host, port, bad := net.SplitHostPort(address); bad == nil && n.Network == "tcp" {
		if ip, bad := netip.ParseAddr(host); bad == nil && ip.WithZone("").Unmap().IsUnspecified() {
			return nil, cli.Usagef("--address %s means all addresses of a machine, and callers would dial themselves: "+
				"give one that they can reach, or :%s for the address of this machine", address, port)
		}
	}
	if n.Address, err = registry.Advertise(n.Network, address); err != nil {
		return nil, err
	}
	switch {
	case f.weight < 0:
		return nil, cli.Usagef("--weight %d is negative", f.weight)
	case f.weight == 0:
		n.Weight = registry.NoTraffic
	}
	return &registry.Service{Name: f.service, Version: f.version, TTL: f.ttl, Nodes: []*registry.Node{n}}, nil
}
