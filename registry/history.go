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

	"github.com/rollcall-go/rollcall/internal/keys"
	"github.com/rollcall-go/rollcall/internal/leases"
	"github.com/rollcall-go/rollcall/internal/record"
	"github.com/rollcall-go/rollcall/internal/redisconn"
)

// A ChangeKind says what happened to a node.
type ChangeKind int

// The kinds of change.
const (
	ChangeRegistered   ChangeKind = iota // for the first time in the history, or after it was gone
	ChangeData                           // its process registered it with other data
	ChangeOverride                       // an operator set or undid an override
	ChangeDeregistered                   // its process left
	ChangeRemoved                        // an operator removed it
	ChangeExpired                        // its lease ended without a renewal
	ChangeTakenOver                      // another process registered it before it was gone
	ChangeEnded                          // an override ended by itself, with its time or with the process that it was set for
)

// String returns the kind in one or two words: "registered", "changed", "overridden",
// "deregistered", "removed", "expired", "taken over", "ended".
func (k ChangeKind) String() string {
	names := []string{"registered", "changed", "overridden", "deregistered", "removed", "expired", "taken over", "ended"}
	if k < 0 || int(k) >= len(names) {
		return "unknown"
	}
	return names[k]
}

// A HistoryEntry is one change of a node, as the log in Redis has it. A ChangeEnded is not in the
// log: it follows from the entry that set the override, and from Redis's clock. So does, from the
// end of the lease, a ChangeExpired that no process has written to the log yet.
type HistoryEntry struct {
	Kind     ChangeKind
	Node     string    // "": an override of all nodes
	Time     time.Time // by Redis's clock; of ChangeExpired the end of the lease
	Revision uint64    // 0 where it is not known: before a loss of the version in Redis, or before a foreign entry; and of what is not in the log
	Lease    string    // of the process: the same for as long as it is the same one; "" if not known
	From     string    // of ChangeTakenOver: the lease of the process that had the node before

	// By is the operator, of ChangeOverride and ChangeRemoved, and of ChangeEnded that of the
	// override. Reason is the operator's, or of ChangeDeregistered the process's.
	By, Reason string

	// Detail is of ChangeOverride "set status draining, until 2026-01-02T03:04:05Z" or "undone: all";
	// of ChangeEnded "status draining: its time is over"; of ChangeTakenOver both processes.
	Detail string
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
		var read history
		var index *redis.ZSliceCmd
		s := op.c.Space.Service(op.namespace, service)
		cmds, err := op.c.TxPipelined(ctx, func(p redis.Pipeliner) error {
			read = askHistory(ctx, p, s)
			index = p.ZRangeWithScores(ctx, s.Index(), 0, maxHistory-1) // the leases that end first
			return nil
		})
		if err := redisconn.Refusal(cmds, err); err != nil {
			op.c.Reload(ctx)
			return nil, err
		}
		lapsed, err := op.c.lapsed(ctx, s, leases.Sort(index.Val(), read.clock.Val()))
		if err != nil {
			return nil, err
		}
		found, err := read.entries(lapsed)
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			return nil, fmt.Errorf("%w: nothing has registered here within the last day", ErrNotFound)
		}
		return found, nil
	})
}

// A history is the replies to askHistory.
type history struct {
	version *redis.StringCmd
	log     *redis.StringSliceCmd
	clock   *redis.TimeCmd
}

// askHistory reads what a history is made of, in a transaction.
func askHistory(ctx context.Context, p redis.Pipeliner, s keys.Service) history {
	return history{redisconn.AskVersion(ctx, p, s), p.LRange(ctx, s.Log(), 0, maxHistory-1), p.Time(ctx)}
}

// lapsed returns the nodes of overdue leases that are gone: the index may be behind.
func (c *conn) lapsed(ctx context.Context, s keys.Service, o leases.Overdue) (gone []leases.Lapse, err error) {
	for page := range slices.Chunk(o.Lapses, redisconn.PageSize) {
		ids := make([]string, len(page))
		for i, l := range page {
			ids[i] = l.ID
		}
		held, _, err := leases.Look(ctx, c, s, ids)
		if err != nil {
			c.Reload(ctx)
			return nil, err
		}
		for i, l := range page {
			if held[i].Start == 0 {
				gone = append(gone, l)
			}
		}
	}
	return gone, nil
}

// entries returns the history, the newest change first. The index still lists the nodes that
// lapsed.
func (h history) entries(lapsed []leases.Lapse) ([]HistoryEntry, error) {
	at, err := redisconn.Version(h.version)
	if err != nil {
		return nil, err
	}
	return tell(readLog(h.log.Val(), at.Rev), lapsed, h.clock.Val()), nil
}

// A logged is a line of a log, with its revision.
type logged struct {
	record.LogEntry
	note record.Note
	rev  uint64
}

// readLog reads the lines of a log, the newest first. The newest one has this revision. It
// leaves out lines that it cannot read: nothing tells the revisions before one.
func readLog(lines []string, rev uint64) (found []logged) {
	for _, line := range lines {
		e, err := record.ParseLogEntry(line)
		if err != nil {
			rev = 0
			continue
		}
		found = append(found, logged{e, record.ParseNote(e.Note), rev})
		if rev > 0 {
			rev-- // a version that was lost begins at 1 again, and the log goes on
		}
	}
	return found
}

// tell makes the history of a log, the newest entry first, and of the nodes that lapsed since, by
// Redis's time.
func tell(log []logged, lapsed []leases.Lapse, now time.Time) (found []HistoryEntry) {
	before, settings := map[string]HistoryEntry{}, settings{}
	for _, e := range slices.Backward(log) {
		found = append(found, settings.endBy(e.Time)...)
		h := HistoryEntry{
			Kind: kindOf(e), Node: e.ID, Time: e.Time, Revision: e.rev, Lease: e.Lease, By: e.note.By, Reason: e.note.Reason,
		}
		if e.Kind == record.Set {
			h.Detail = describeNote(e.note)
			found = append(found, h)
			settings.take(e, h)
			continue
		}
		last, known := before[h.Node]
		switch listed := known && last.isListed(); {
		case h.Kind == ChangeExpired:
			if end := time.UnixMilli(e.note.Until).UTC(); e.note.Until > 0 && end.Before(h.Time) {
				h.Time = end // the entry was written when a process found the node
			}
			found, before[h.Node] = insert(found, h), h
			continue
		case h.Kind != ChangeRegistered || !listed:
		case last.Lease == h.Lease:
			h.Kind = ChangeData
		default:
			h.Kind, h.From = ChangeTakenOver, last.Lease
			h.Detail = "from process " + h.From + " to " + h.Lease
		}
		before[h.Node] = h
		found = append(append(found, h), settings.endWith(h)...)
	}
	found = append(found, settings.endBy(now)...)
	for _, l := range lapsed {
		if last, known := before[l.ID]; !known || last.isListed() {
			found = insert(found, HistoryEntry{Kind: ChangeExpired, Node: l.ID, Time: l.End.UTC()})
		}
	}
	slices.Reverse(found)
	return found
}

// insert adds an entry to a history, the oldest first, before those of other nodes that are newer.
func insert(found []HistoryEntry, h HistoryEntry) []HistoryEntry {
	i := len(found)
	for i > 0 && found[i-1].Node != h.Node && found[i-1].Time.After(h.Time) {
		i--
	}
	return slices.Insert(found, i, h)
}

// isListed reports whether a node is in the index after this change of it.
func (h HistoryEntry) isListed() bool { return h.Kind <= ChangeData || h.Kind == ChangeTakenOver }

func kindOf(e logged) ChangeKind {
	switch {
	case e.Kind == record.Set:
		return ChangeOverride
	case e.Kind == record.Exp:
		return ChangeExpired
	case e.Kind == record.Del && e.note.By != "":
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
		parts = append(parts, describeSet(aspect, n.Set[aspect]))
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

func describeSet(aspect string, value any) string {
	if value == nil {
		return aspect + " removed"
	}
	return fmt.Sprintf("%s %v", aspect, value)
}
