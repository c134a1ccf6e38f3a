package registry

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/errdefs"
	"github.com/rollcall-go/rollcall/internal/keys"
	"github.com/rollcall-go/rollcall/internal/lua"
	"github.com/rollcall-go/rollcall/internal/record"
	"github.com/rollcall-go/rollcall/internal/redisconn"
)

// An Override is what an operator says of a node in the place of what the node says of
// itself. Clients see it within about a millisecond. What is nil is not set.
type Override struct {
	Status   *Status
	Weight   *int               // as Node.Weight; NoTraffic for no calls
	Metadata map[string]*string // nil removes a key that the node has

	Reason string // at most 500 bytes; the history and Overrides show it

	// The override ends at Until, by Redis's clock, or For after it was set: set at most one.
	// Zero: it has no end of its own.
	Until time.Time
	For   time.Duration

	// Stay keeps the override for whatever process has the node later. Without it the override
	// of a node ends with the process that has it now, so that a new process on an old address
	// does not inherit the drain of the one before; if it has no end of its own, it ends after 30
	// days at the latest. An override of all nodes always stays.
	Stay bool
}

// maxReason bounds Override.Reason, in bytes; maxWeight is what every reader of JSON takes
// exactly.
const (
	maxReason = 500
	maxWeight = 1 << 53
)

func checkReason(s string) error {
	switch {
	case len(s) > maxReason:
		return errdefs.Invalid("Reason", "%d bytes are over %d", len(s), maxReason)
	case !utf8.ValidString(s):
		return errdefs.Invalid("Reason", "%q is not UTF-8", s)
	case strings.ContainsFunc(s, unicode.IsControl):
		return errdefs.Invalid("Reason", "%q holds a control character", s)
	}
	return nil
}

// encode returns what the script takes, and the note for the log.
func (v Override) encode(by string) (aspects []lua.Aspect, note record.Note, err error) {
	if err := checkReason(v.Reason); err != nil {
		return nil, note, err
	}
	note = record.Note{By: by, Reason: v.Reason, Set: map[string]any{}, Stay: v.Stay}
	add := func(aspect string, value any) {
		said := record.Said{Value: value, By: by, Reason: v.Reason}
		json, bad := said.Encode()
		if bad != nil {
			err = cmp.Or(err, errdefs.Invalid("Override", "%s: %v", describeAspect(aspect), bad))
		}
		aspects = append(aspects, lua.Aspect{Name: aspect, JSON: json})
		note.Set[describeAspect(aspect)] = value
	}
	if v.Status != nil {
		if *v.Status != Up && *v.Status != Draining {
			return nil, note, errdefs.Invalid("Status", "%d is neither Up nor Draining", *v.Status)
		}
		add(record.AspectStatus, v.Status.String())
	}
	if v.Weight != nil {
		w := cmp.Or(*v.Weight, DefaultWeight)
		if w < NoTraffic {
			return nil, note, errdefs.Invalid("Weight", "%d is negative; for no calls set NoTraffic, %d", w, NoTraffic)
		}
		if int64(w) > maxWeight {
			return nil, note, errdefs.Invalid("Weight", "%d is over %d", w, int64(maxWeight))
		}
		add(record.AspectWeight, max(w, 0))
	}
	for k, value := range v.Metadata {
		if !utf8.ValidString(k) {
			return nil, note, errdefs.Invalid("Metadata", "the key %q is not UTF-8", k)
		}
		if value == nil {
			add(record.MetadataAspect(k), nil)
		} else {
			add(record.MetadataAspect(k), *value)
		}
	}
	slices.SortFunc(aspects, func(a, b lua.Aspect) int { return strings.Compare(a.Name, b.Name) })
	if err == nil && len(aspects) == 0 {
		err = errdefs.Invalid("Override", "sets nothing: set Status, Weight or Metadata")
	}
	return aspects, note, err
}

// ends returns when the override ends, by Redis's clock; zero: never.
func (v Override) ends(now time.Time) (time.Time, error) {
	switch {
	case v.For != 0 && !v.Until.IsZero():
		return time.Time{}, errdefs.Invalid("Until", "is set together with For")
	case v.For < 0, v.For > 0 && v.For < time.Millisecond:
		return time.Time{}, errdefs.Invalid("For", "%v is under 1 ms", v.For)
	case v.For == 0 && v.Until.IsZero():
		return time.Time{}, nil
	}
	until := v.Until
	if v.For > 0 {
		until = now.Add(v.For)
	}
	switch {
	case !until.After(now):
		return time.Time{}, errdefs.Invalid("Until", "%v is past: Redis's clock says %v", until.Format(time.RFC3339), now.Format(time.RFC3339))
	case until.After(record.LastTime):
		return time.Time{}, errdefs.Invalid("Until", "%v is after %v: leave it out for no end", until.Format(time.RFC3339), record.LastTime.Format(time.RFC3339))
	}
	return until, nil
}

// An ActiveOverride is one thing that operators set, as Redis has it.
type ActiveOverride struct {
	Namespace, Service string
	Node               string // "": all nodes of the service

	Aspect string  // "status", "weight", or "metadata:" and the key
	Value  *string // such as "draining" or "5"; nil: the key of the metadata is removed

	By, Reason string
	Set        time.Time // by Redis's clock
	Until      time.Time // by Redis's clock; zero: it has no end of its own
	Stay       bool      // else it ends with the process that had the node when it was set

	// InForce is false if the process that it was set for does not have the node any more, or
	// if its end has come. Redis keeps such an override for a while.
	InForce bool
}

// Overrides returns what operators set on a service, or for "" on all services of the
// namespace: by namespace, service, node and aspect.
func (o *Operator) Overrides(ctx context.Context, service string) ([]ActiveOverride, error) {
	call := operation{op: "list", namespace: o.namespace, service: service}
	return run(ctx, o.r, call, func(ctx context.Context, op *operation) ([]ActiveOverride, error) {
		wanted, err := op.services(ctx)
		if err != nil {
			return nil, err
		}
		found := []ActiveOverride{}
		for chunk := range slices.Chunk(wanted, redisconn.PageSize/2) {
			_, overrides, err := op.c.Candidates(ctx, chunk)
			if err != nil {
				return nil, err
			}
			active, err := op.c.active(ctx, chunk, overrides)
			if err != nil {
				return nil, err
			}
			found = append(found, active...)
		}
		return found, nil
	})
}

// active reads the overrides of services, by their fields: in pages of nodes, whatever services
// they are of.
func (c *conn) active(ctx context.Context, services []keys.Service, overrides map[keys.Service]map[string]string) (found []ActiveOverride, err error) {
	var set []keys.Service
	var nodes []redisconn.Entry
	for _, s := range services {
		first := len(nodes)
		for field := range overrides[s] {
			if id, err := keys.ParseOverrideField(field); err == nil {
				nodes = append(nodes, redisconn.Entry{Service: s, ID: id})
			}
		}
		if len(nodes) > first {
			set = append(set, s)
			slices.SortFunc(nodes[first:], func(a, b redisconn.Entry) int { return strings.Compare(a.ID, b.ID) })
		}
	}
	now, err := c.clocks(ctx, set)
	if err != nil {
		return nil, err
	}
	for page := range slices.Chunk(nodes, redisconn.PageSize) {
		replies, err := redisconn.Pipelined(ctx, c.Conn, page, func(p redis.Pipeliner, n redisconn.Entry) *redis.StringSliceCmd {
			return redisconn.AskNode(ctx, p, n)
		})
		if err != nil {
			return nil, err
		}
		for i, n := range page {
			holder, _ := record.ParseHolder(replies[i].Val()[1])
			found = append(found, activeOf(n.Service, n.ID, overrides[n.Service][keys.OverrideField(n.ID)], holder, now[n.Service])...)
		}
	}
	return found, nil
}

// activeOf reads the override of one node.
func activeOf(s keys.Service, id, override string, holder record.Holder, now time.Time) (found []ActiveOverride) {
	for _, setting := range record.ParseOverride(override) {
		a := ActiveOverride{
			Namespace: s.Namespace(), Service: s.Name(), Node: id, Aspect: describeAspect(setting.Aspect),
			By: setting.Said.By, Reason: setting.Said.Reason, Set: setting.Set, Until: setting.Until, Stay: setting.Lease == "",
		}
		a.InForce = (a.Until.IsZero() || a.Until.After(now)) && (a.Stay || setting.Lease == holder.Lease && holder.Gone == "")
		switch v := setting.Said.Value.(type) {
		case string:
			a.Value = &v
		case float64:
			a.Value = new(strconv.FormatFloat(v, 'f', -1, 64))
		}
		found = append(found, a)
	}
	slices.SortFunc(found, func(a, b ActiveOverride) int { return strings.Compare(a.Aspect, b.Aspect) })
	return found
}

const metadataPrefix = "metadata:"

// describeAspect is an aspect as people write it: a key of the metadata is not escaped.
func describeAspect(aspect string) string {
	if key, ok := (record.Setting{Aspect: aspect}).MetadataKey(); ok {
		return metadataPrefix + key
	}
	return aspect
}

// parseAspect undoes describeAspect.
func parseAspect(s string) (string, error) {
	if !utf8.ValidString(s) {
		return "", errdefs.Invalid("Aspect", "%q is not UTF-8", s)
	}
	if key, ok := strings.CutPrefix(s, metadataPrefix); ok {
		return record.MetadataAspect(key), nil
	}
	if s != record.AspectStatus && s != record.AspectWeight {
		return "", errdefs.Invalid("Aspect", "%q is none: give status, weight, or metadata:<key>", s)
	}
	return s, nil
}

// String reads "status draining", "metadata:k removed".
func (a ActiveOverride) String() string {
	if a.Value == nil {
		return a.Aspect + " removed"
	}
	return fmt.Sprintf("%s %s", a.Aspect, *a.Value)
}
