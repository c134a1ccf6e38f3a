// Package render is the command that keeps a configuration file up to date.
package render

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/internal/cli"
	"github.com/rollcall-go/rollcall/internal/logs"
	"github.com/rollcall-go/rollcall/internal/render"
	"github.com/rollcall-go/rollcall/registry"
)

type flags struct {
	out, reload   string
	once          bool
	quiet, latest time.Duration
}

// Command is rollcall render.
func Command(app *cli.App) *cobra.Command {
	var f flags
	cmd := &cobra.Command{
		Use:   "render TEMPLATE",
		Short: "Keep a configuration file up to date: nginx, HAProxy, anything",
		Long: `Make a file of a template (Go's text/template) and the nodes of services, and make it
anew whenever they change. The file is replaced in one step, and only if its content
differs; then the --reload command runs. While Redis is away the file stays as it is.

Functions of a template:

  nodes "shop"                all nodes of a service, ordered by version and id
  nodes "shop" "zone=eu-1"    those that match: version=, zone=, or a key of the metadata
  ready "shop"                those that get calls: draining ones only if there is no other
  services                    the names of the services that have nodes
  nginx LIST, haproxy LIST    their lines for an upstream of nginx, a backend of HAProxy
  name X, quote X, json X     text as a name, in double quotes, as JSON
  raw X                       text as it is: only for what you trust
  env "NAME"                  an environment variable

A node has the fields ID, Address, Host, Port, Network, Version, Zone, Weight, Up and
Metadata. All text that a template prints is percent-encoded, but for letters, digits and
-._~:@/+,=[], so that no name adds a line to the file. A node whose address is none is left
out, and the log says so.

Examples for nginx and HAProxy are in deploy/templates.`,
		Example: `  rollcall render nginx.conf.tmpl --out /etc/nginx/conf.d/upstreams.conf --reload 'nginx -s reload'
  rollcall render haproxy.cfg.tmpl --once`,
		Args: cobra.ExactArgs(1),
	}
	fs := cmd.Flags()
	fs.StringVar(&f.out, "out", "", "the file to write (needed, but with --once: default is standard output)")
	fs.BoolVar(&f.once, "once", false, "write the file once, and end")
	fs.StringVar(&f.reload, "reload", "", "shell command to run when the file has changed")
	fs.DurationVar(&f.quiet, "quiet", 200*time.Millisecond, "after a change, wait until nothing has changed for this time")
	fs.DurationVar(&f.latest, "latest", 2*time.Second, "but not longer than this")
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return f.run(app, cmd, args[0]) }
	return cmd
}

// A job is one run of the command.
type job struct {
	flags
	template *render.Template
	services *services
	log      zerolog.Logger
	stdout   io.Writer
	stderr   io.Writer
	skipped  map[string]bool // what was logged of nodes that are left out
	unloaded bool            // the reload after the last change has failed
}

func (f *flags) run(app *cli.App, cmd *cobra.Command, file string) (err error) {
	switch {
	case f.out == "" && !f.once:
		return cli.Usagef("say which file to write: --out FILE")
	case f.out == "" && f.reload != "":
		return cli.Usagef("--reload needs --out")
	case f.quiet < 0 || f.latest < f.quiet:
		return cli.Usagef("--quiet %v and --latest %v: want 0 <= quiet <= latest", f.quiet, f.latest)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("read the template: %w", err)
	}
	ctx, cancel := context.WithCancel(cmd.Context())
	defer cancel()
	j := job{flags: *f, log: logs.Console(cmd.ErrOrStderr()), stdout: cli.Raw(cmd.OutOrStdout()), stderr: cli.Raw(cmd.ErrOrStderr()), skipped: map[string]bool{}}
	more := []registry.Option{registry.Logger(j.log)}
	if f.once {
		more = nil // an error of a service ends it
	}
	r, err := app.Open(cmd, more...)
	if err != nil {
		return err
	}
	defer func() { err = cmp.Or(err, r.Close(context.WithoutCancel(ctx))) }()
	resolver := discovery.New(r, discovery.Logger(zerolog.Nop()), discovery.Timeout(r.Options().Timeout))
	defer func() { err = cmp.Or(err, resolver.Close()) }()
	j.services = newServices(ctx, r, resolver)
	defer func() {
		cancel()
		j.services.followers.Wait()
	}()
	if j.template, err = render.Parse(filepath.Base(file), string(text), j.services); err != nil {
		return cli.Usagef("%w", err)
	}
	j.template.Skipped = j.skip
	if f.once {
		return j.turn(ctx)
	}
	return j.keep(ctx)
}

// skip logs once that a node is left out.
func (j *job) skip(service, id string, why error) {
	key := fmt.Sprintf("%s/%s: %v", service, id, why)
	if !j.skipped[key] {
		j.skipped[key] = true
		j.log.Warn().Str("service", service).Str("node", id).Err(why).Msg("rollcall: a node is left out")
	}
}

// turn makes the file once.
func (j *job) turn(ctx context.Context) error {
	content, err := j.template.Render()
	if err != nil {
		return err
	}
	if j.out == "" {
		_, err := j.stdout.Write(content)
		return err
	}
	changed, err := write(j.out, content)
	if err != nil {
		return fmt.Errorf("write %s: %w", j.out, err)
	}
	if j.reload == "" || !changed && !j.unloaded {
		return nil
	}
	j.unloaded = true
	if err := reload(ctx, j.reload, j.stdout, j.stderr); err != nil {
		return fmt.Errorf("reload: %w", err)
	}
	j.unloaded = false
	return nil
}

// longestRetry is the longest wait after a failure.
const longestRetry = 30 * time.Second

// keep makes the file whenever something has changed, and again after a failure.
func (j *job) keep(ctx context.Context) error {
	retry := backoff.NewExponentialBackOff(backoff.WithMaxInterval(longestRetry), backoff.WithMaxElapsedTime(0))
	for {
		var again <-chan time.Time
		err := j.turn(ctx)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, registry.ErrInvalid), errors.Is(err, registry.ErrPermission):
			return err
		case err != nil:
			j.log.Warn().Err(err).Msg("rollcall: the file is not up to date: this is tried again")
			again = time.After(retry.NextBackOff())
		default:
			retry.Reset()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-again:
		case <-j.services.changed:
			j.settle(ctx)
		}
	}
}

// settle waits until nothing has changed for a while.
func (j *job) settle(ctx context.Context) {
	latest := time.After(j.latest)
	for {
		select {
		case <-ctx.Done():
			return
		case <-latest:
			return
		case <-time.After(j.quiet):
			return
		case <-j.services.changed:
		}
	}
}
