package transfer

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollcall-go/rollcall/internal/cli"
	"github.com/rollcall-go/rollcall/registry"
)

// A step is one thing that an import does, or leaves.
type step struct {
	What   string `json:"what"`
	Result string `json:"result"`
}

var steps = []cli.Column[step]{
	{Name: "WHAT", Cell: func(s step) string { return s.What }},
	{Name: "RESULT", Cell: func(s step) string { return s.Result }, Style: func(s step) cli.Style {
		switch s.Result {
		case done, planned:
			return cli.Good
		case already:
			return cli.Faint
		}
		return cli.Warn
	}},
}

// The results of steps; others say why something is left out.
const (
	done    = "done"
	planned = "would be done"
	already = "is so already"
)

type flags struct {
	dryRun bool
	nodes  time.Duration
	by     string
	output *cli.Output
}

// Import is rollcall import.
func Import(app *cli.App) *cobra.Command {
	var f flags
	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "Bring back overrides, and nodes that nobody renews, from an export",
		Long: `Set the overrides of a file that rollcall export has written, on nodes that are
registered. What is set already, what has ended, and overrides of nodes that are not
there are left out, and listed.

Nodes that live register themselves, so that no node is registered unless --nodes-for is
given: then those that are in the file, and not in the registry, are registered for that
time. Nobody renews them: they are gone when it is over, unless they are imported again.
No node that is registered is changed.

FILE is - for standard input. Exit code 1 if a step has failed.`,
		Example: "  rollcall import registry.json --dry-run\n  rollcall import registry.json --nodes-for 10m",
		Args:    cobra.ExactArgs(1),
	}
	f.output = cli.OutputFlag(cmd)
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "change nothing, and print what would be done")
	cmd.Flags().DurationVar(&f.nodes, "nodes-for", 0, "register nodes that are not there for this time, at least 1s")
	cmd.Flags().StringVar(&f.by, "by", cli.WhoAmI(), "who does it, for the history")
	cli.NotInEnvironment(cmd, "nodes-for")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if f.nodes != 0 && f.nodes < time.Second {
			return cli.Usagef("--nodes-for %v: want at least 1s", f.nodes)
		}
		doc, err := read(cmd.InOrStdin(), args[0])
		if err != nil {
			return err
		}
		// Close would deregister the nodes: they are to stay.
		r, err := app.Open(cmd)
		if err != nil {
			return err
		}
		i := importer{ctx: cmd.Context(), r: r, flags: f}
		if err := i.run(doc); err != nil {
			return err
		}
		if err := cli.NewPrinter(cmd.OutOrStdout(), f.output, steps).All(i.steps); err != nil {
			return err
		}
		if i.failed > 0 {
			return fmt.Errorf("%d of %d steps have failed", i.failed, len(i.steps))
		}
		return nil
	}
	return cmd
}

// maxFile is the size of the largest file, in bytes.
const maxFile = 256 << 20

func read(stdin io.Reader, name string) (doc document, err error) {
	in := stdin
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return doc, err
		}
		defer func() { _ = file.Close() }()
		in = file
	}
	if err := json.NewDecoder(io.LimitReader(in, maxFile)).Decode(&doc); err != nil {
		return doc, cli.Usagef("%s is no export: %w", name, err)
	}
	if doc.Format != format {
		return doc, cli.Usagef("%s is no export: its format is %q, want %q", name, doc.Format, format)
	}
	return doc, nil
}

// toOverride reads the aspect and the value of an override of a file.
func (o override) toOverride(now time.Time) (v registry.Override, err error) {
	v = registry.Override{Reason: o.Reason, Stay: o.Stay || o.Node == ""}
	if o.Until != nil {
		if v.Until = *o.Until; !v.Until.After(now) {
			return v, errEnded
		}
	}
	key, isMetadata := strings.CutPrefix(o.Aspect, "metadata:")
	switch {
	case isMetadata:
		v.Metadata = map[string]*string{key: o.Value}
	case o.Value == nil:
		return v, fmt.Errorf("%s has no value", o.Aspect)
	case o.Aspect == "weight":
		weight, err := strconv.Atoi(*o.Value)
		if err != nil || weight < 0 {
			return v, fmt.Errorf("the weight %q is no number of calls", *o.Value)
		}
		if weight == 0 {
			weight = registry.NoTraffic
		}
		v.Weight = &weight
	case o.Aspect == "status":
		status, err := parseStatus(*o.Value)
		if err != nil {
			return v, err
		}
		v.Status = &status
	default:
		return v, fmt.Errorf("the aspect %q is none", o.Aspect)
	}
	return v, nil
}

func parseStatus(s string) (registry.Status, error) {
	for _, status := range []registry.Status{registry.Up, registry.Draining} {
		if s == status.String() {
			return status, nil
		}
	}
	return 0, fmt.Errorf("the status %q is none", s)
}

// An importer does the steps.
type importer struct {
	flags
	ctx    context.Context
	r      *registry.Redis
	steps  []step
	failed int
}
