package see

import (
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollcall-go/rollcall/internal/cli"
	"github.com/rollcall-go/rollcall/registry"
)

// A reason is the answer of rollcall why, as it is printed.
type reason struct {
	Namespace string     `json:"namespace"`
	Service   string     `json:"service"`
	Node      string     `json:"node"`
	Presence  string     `json:"presence"`
	Since     *time.Time `json:"since,omitempty"`
	By        string     `json:"by,omitempty"`
	Reason    string     `json:"reason,omitempty"`
	Cause     string     `json:"cause,omitempty"`
	Clients   string     `json:"clients,omitempty"`
	Remedy    string     `json:"remedy,omitempty"`
	Info      *node      `json:"info,omitempty"`
	History   []entry    `json:"history"`
	Began     *time.Time `json:"began,omitempty"` // of the service's history
	Now       time.Time  `json:"now"`
}

func fromExplanation(e *registry.Explanation) reason {
	r := reason{
		Namespace: e.Namespace, Service: e.Service, Node: e.Node, Presence: e.Presence.String(), By: e.By, Reason: e.Reason,
		Cause: e.Cause, Clients: e.Clients, Remedy: e.Remedy, History: entries(e.History), Now: e.Now.UTC(),
	}
	r.Since, r.Began = timeOrNil(e.Since), timeOrNil(e.Began)
	if e.Info != nil {
		n := fromInfo(e.Info)
		r.Info = &n
	}
	return r
}

// timeOrNil is nil for the zero time, which is left out then.
func timeOrNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return new(t.UTC())
}

// shownChanges is how many entries of the history a description has.
const shownChanges = 10

func whyCommand(app *cli.App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "why SERVICE NODE",
		Short: "Explain whether a node is there, and if not, why",
		Long: `Explain whether a node is there, and if not, what took it out and what would bring it back:
from its record, its lease, what operators set, and the history.

The exit code is 0 where the node is known, also where it is gone, and 4 where Redis knows
nothing of it.`,
		Example: `  rollcall why shop 10.0.0.1:8080
  rollcall why shop 10.0.0.1:8080 -o jsonpath='$.presence'`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: app.CompleteServiceNode,
	}
	output := cli.OutputFlagOfOne(cmd)
	cmd.RunE = app.With(func(cmd *cobra.Command, args []string, r *registry.Redis) error {
		e, err := r.Operator("").Why(cmd.Context(), args[0], args[1])
		if err != nil {
			return err
		}
		if output.Table() {
			err = explain(cmd, e)
		} else {
			err = output.Write(cmd.OutOrStdout(), fromExplanation(e))
		}
		if e.Presence == registry.NodeUnknown {
			err = errors.Join(err, &cli.ExitError{Code: cli.ExitNotFound})
		}
		return err
	})
	return cmd
}

func explain(cmd *cobra.Command, e *registry.Explanation) error {
	style := cli.Bad
	if e.Presence == registry.NodePresent {
		style = cli.Good
	}
	var p page
	p.field("node", e.Namespace+"/"+e.Service+"/"+e.Node)
	p.line("presence", e.Presence.String(), style, cli.HasColour(cmd.OutOrStdout()))
	if !e.Since.IsZero() {
		p.field("since", cli.Time(e.Since)+", "+cli.Duration(e.Now.Sub(e.Since))+" ago")
	}
	p.field("by", e.By)
	p.field("reason", e.Reason)
	p.field("cause", e.Cause)
	p.field("clients", e.Clients)
	p.field("remedy", e.Remedy)
	if e.Info != nil {
		n := fromInfo(e.Info)
		p.field("status", n.Status)
		p.list("overrides", overrideLines(n.Overrides))
	}
	p.list("last changes", entryLines(e.History))
	_, err := cli.Raw(cmd.OutOrStdout()).Write(p.Bytes()) // the page is safe, but for its colours
	return err
}

func entryLines(history []registry.HistoryEntry) (lines []string) {
	for _, h := range history[:min(len(history), shownChanges)] {
		lines = append(lines, fromHistory(h).String())
	}
	return lines
}

func overrideLines(all []override) (lines []string) {
	for _, o := range all {
		line := o.text + " by " + o.By + ", ends " + o.ends()
		if o.Reason != "" {
			line += "  " + quoted(o.Reason)
		}
		if o.Node == "" {
			line = "all nodes: " + line
		}
		lines = append(lines, line)
	}
	return lines
}
