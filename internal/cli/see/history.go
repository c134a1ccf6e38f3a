package see

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollcall-go/rollcall/internal/cli"
	"github.com/rollcall-go/rollcall/registry"
)

// An entry is an entry of the history, as it is printed.
type entry struct {
	Time     time.Time `json:"time"`
	Change   string    `json:"change"`
	Node     string    `json:"node"` // "": all nodes
	Revision uint64    `json:"revision"`
	Process  string    `json:"process,omitempty"`
	From     string    `json:"from,omitempty"` // of "taken over": the process before
	By       string    `json:"by,omitempty"`
	Reason   string    `json:"reason,omitempty"`
	Detail   string    `json:"detail,omitempty"`

	kind registry.ChangeKind
}

func fromHistory(h registry.HistoryEntry) entry {
	return entry{h.Time.UTC(), h.Kind.String(), h.Node, h.Revision, h.Lease, h.From, h.By, h.Reason, h.Detail, h.Kind}
}

func entries(all []registry.HistoryEntry) []entry {
	found := make([]entry, len(all))
	for i, h := range all {
		found[i] = fromHistory(h)
	}
	return found
}

func (e entry) style() cli.Style {
	switch e.kind {
	case registry.ChangeRegistered:
		return cli.Good
	case registry.ChangeExpired, registry.ChangeRemoved:
		return cli.Bad
	case registry.ChangeOverride, registry.ChangeEnded, registry.ChangeTakenOver:
		return cli.Warn
	}
	return cli.Plain
}

// String is a line about the entry, for a description.
func (e entry) String() string {
	parts := []string{cli.Time(e.Time), e.Change}
	if e.Node == "" {
		parts = append(parts, "all nodes")
	}
	for _, part := range []string{e.Detail, prefixed("by ", e.By), quoted(e.Reason)} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, "  ")
}

func prefixed(prefix, s string) string {
	if s == "" {
		return ""
	}
	return prefix + s
}

func quoted(s string) string {
	if s == "" {
		return ""
	}
	return "“" + s + "”"
}

var entryColumns = []cli.Column[entry]{
	{Name: "TIME", Cell: func(e entry) string { return cli.Time(e.Time) }},
	{Name: "CHANGE", Cell: func(e entry) string { return e.Change }, Style: entry.style},
	{Name: "NODE", Cell: func(e entry) string { return whose(e.Node) }},
	{Name: "BY", Cell: func(e entry) string { return e.By }},
	{Name: "DETAIL", Cell: func(e entry) string { return e.Detail }},
	{Name: "REASON", Cell: func(e entry) string { return e.Reason }},
	{Name: "PROCESS", Wide: true, Cell: func(e entry) string { return e.Process }},
	{Name: "REVISION", Wide: true, Cell: func(e entry) string { return fmt.Sprint(e.Revision) }},
}

func historyCommand(app *cli.App) *cobra.Command {
	var limit int
	var since time.Duration
	cmd := &cobra.Command{
		Use:   "history SERVICE [NODE]",
		Short: "Show what changed in a service, when, and by whom",
		Long: `Show the changes of a service, or of one of its nodes, the newest first. Redis keeps the
last 1,024, for as long as the service has nodes and a day longer. Times are Redis's, in UTC.
An override that ended by itself is shown as ended, though nothing changed in Redis then. A
node has expired when its lease ended, also where no process has removed it yet.`,
		Example: `  rollcall history shop
  rollcall history shop 10.0.0.1:8080 -o wide
  rollcall history shop --since 1h -o json`,
		Args:              cobra.RangeArgs(1, 2),
		ValidArgsFunction: app.CompleteServiceNode,
	}
	output := cli.OutputFlag(cmd)
	cmd.Flags().IntVar(&limit, "limit", 50, "how many changes; 0: all")
	cmd.Flags().DurationVar(&since, "since", 0, "only changes that are no older, such as 1h, by the clock of this machine")
	cmd.RunE = app.With(func(cmd *cobra.Command, args []string, r *registry.Redis) error {
		all, err := r.Operator("").History(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		var found []entry
		for _, h := range all {
			if len(args) > 1 && h.Node != args[1] && h.Node != "" {
				continue
			}
			if limit > 0 && len(found) == limit || since > 0 && time.Since(h.Time) > since {
				break
			}
			found = append(found, fromHistory(h))
		}
		return printAll(cmd, output, entryColumns, found, "no changes")
	})
	return cmd
}
