package registry

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/record"
	"github.com/rollcall-go/rollcall/internal/redisconn"
)

// A ChangeKind says what happened to a node.
type ChangeKind int

// The kinds of change.
const (
	ChangeRegistered   ChangeKind = iota // for the first time in the history, or by another process than before
	ChangeData                           // its process registered it with other data
	ChangeOverride                       // an operator set or undid an override
	ChangeDeregistered                   // its process left
	ChangeRemoved                        // an operator removed it
	ChangeExpired                        // its lease ended without a renewal
)

// String returns the kind as one word: "registered", "changed", "overridden",
// "deregistered", "removed", "expired".
func (k ChangeKind) String() string {
	names := []string{"registered", "changed", "overridden", "deregistered", "removed", "expired"}
	if k < 0 || int(k) >= len(names) {
		return "unknown"
	}
	return names[k]
}

// A HistoryEntry is one change of a node, as the log in Redis has it.
type HistoryEntry struct {
	Kind       ChangeKind
	Node       string    // "": an override of all nodes
	Time       time.Time // by Redis's clock
	Revision   uint64    // 0 where it is not known: before a loss of the version in Redis, or before a foreign entry
	Lease      string    // of the process: the same for as long as it is the same one; "" if not known
	By, Reason string    // of ChangeOverride and ChangeRemoved
	Detail     string    // of ChangeOverride: "set status draining, until 2026-01-02T03:04:05Z", "undone: all"
}

// maxHistory is how much of a log is read. Redis keeps at most 1,152 entries.
const maxHistory = 1200

// History returns the changes of a service that Redis has kept, the newest first: at least
// the last 1,024, as long as the service has nodes and for a day after that. A flush and a
// restart of Redis without its data end the history.
//
//	ErrNotFound  there is none
func (o *Operator) History(ctx context.Context, service string) ([]HistoryEntry, error) {
	call := operation{op: "history", namespace: o.namespace, service: service}
	return run(ctx, o.r, call, func(ctx context.Context, op *operation) ([]HistoryEntry, error) {
		if err := cmp.Or(checkNamespace("Namespace", op.namespace), checkName("Service", service)); err != nil {
			return nil, err
		}
		if err := op.c.Meet(ctx); err != nil {
			return nil, err
		}
		var version *redis.StringCmd
		var log *redis.StringSliceCmd
		s := op.c.Space.Service(op.namespace, service)
		cmds, err := op.c.TxPipelined(ctx, func(p redis.Pipeliner) error {
			version, log = redisconn.AskVersion(ctx, p, s), p.LRange(ctx, s.Log(), 0, maxHistory-1)
			return nil
		})
		if err := redisconn.Refusal(cmds, err); err != nil {
			op.c.Reload(ctx)
			return nil, err
		}
		at, err := redisconn.Version(version)
		if err != nil {
			return nil, err
		}
		found := history(log.Val(), at.Rev)
		if len(found) == 0 {
			return nil, fmt.Errorf("%w: nothing has registered here within the last day", ErrNotFound)
		}
		return found, nil
	})
}

// history reads the lines of a log, the newest first. The newest one has this revision. It
// leaves out lines that it cannot read: nothing tells the revisions before one.
func history(lines []string, rev uint64) []HistoryEntry {
	var found []HistoryEntry
	for _, line := range lines {
		e, err := record.ParseLogEntry(line)
		if err != nil {
			rev = 0
			continue
		}
		found = append(found, HistoryEntry{Kind: kindOf(e), Node: e.ID, Time: e.Time, Revision: rev, Lease: e.Lease})
		if rev > 0 {
			rev-- // a version that was lost begins at 1 again, and the log goes on
		}
		note := record.ParseNote(e.Note)
		last := &found[len(found)-1]
		last.By, last.Reason = note.By, note.Reason
		if e.Kind == record.Set {
			last.Detail = describeNote(note)
		}
	}
	before := map[string]HistoryEntry{}
	for i := range slices.Backward(found) {
		e := &found[i]
		if last, known := before[e.Node]; known && e.Kind == ChangeRegistered && last.Kind <= ChangeData && last.Lease == e.Lease {
			e.Kind = ChangeData
		}
		if e.Kind != ChangeOverride {
			before[e.Node] = *e
		}
	}
	return found
}

func kindOf(e record.LogEntry) ChangeKind {
	switch {
	case e.Kind == record.Set:
		return ChangeOverride
	case e.Kind == record.Exp:
		return ChangeExpired
	case e.Kind == record.Del && e.Note != "":
		return ChangeRemoved
	case e.Kind == record.Del:
		return ChangeDeregistered
	}
	return ChangeRegistered
}

// describeNote says what an operator set or undid.
func describeNote(n record.Note) string {
	if len(n.Set) == 0 {
		undone := "all"
		if len(n.Undone) > 0 {
			undone = strings.Join(n.Undone, ", ")
		}
		return "undone: " + undone
	}
	var parts []string
	for _, aspect := range slices.Sorted(maps.Keys(n.Set)) {
		if v := n.Set[aspect]; v == nil {
			parts = append(parts, aspect+" removed")
		} else {
			parts = append(parts, fmt.Sprintf("%s %v", aspect, v))
		}
	}
	text := "set " + strings.Join(parts, ", ")
	if n.Until > 0 {
		text += ", until " + time.UnixMilli(n.Until).UTC().Format(time.RFC3339)
	}
	if n.Stay {
		text += ", also for later processes"
	}
	return text
}
