package registry

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/internal/errdefs"
	"github.com/rollcall-go/rollcall/internal/keys"
	"github.com/rollcall-go/rollcall/internal/record"
	"github.com/rollcall-go/rollcall/internal/redisconn"
	"github.com/rollcall-go/rollcall/internal/reporter"
)

// A serviceVersion names the version of a service that one *Service holds.
type serviceVersion struct{ namespace, name, version string }

func (v serviceVersion) service() *Service {
	return &Service{Namespace: v.namespace, Name: v.name, Version: v.version}
}

// A foundNode is a node as Redis holds it, with what an operator set laid
// over its record.
type foundNode struct {
	service keys.Service
	id      string
	rev     uint64
	lease   string
	record  record.Node
}

func (f foundNode) serviceVersion() serviceVersion {
	return serviceVersion{f.service.Namespace(), f.service.Name(), f.record.Version}
}

// read returns the live nodes of services, by plain commands in pages.
func (c *conn) read(ctx context.Context, wanted []keys.Service) ([]foundNode, error) {
	candidates, overrides, err := c.Candidates(ctx, wanted)
	if err != nil {
		return nil, err
	}
	laid, err := c.inForce(ctx, overrides)
	if err != nil {
		return nil, err
	}
	found := make([]foundNode, 0, len(candidates))
	unreadable := map[keys.Service][]*errdefs.NodeError{}
	records := record.Decoder{Own: true}
	err = c.ReadNodes(ctx, candidates, func(page []redisconn.Entry, replies []*redis.StringSliceCmd) {
		for i, reply := range replies {
			data, holder := reply.Val()[0], reply.Val()[1]
			if data == "" {
				continue // it ran out or was deregistered after the index was read
			}
			n := foundNode{service: page[i].Service, id: page[i].ID}
			if err := n.decode(&records, data, holder); err != nil {
				unreadable[n.service] = append(unreadable[n.service], &errdefs.NodeError{Node: n.id, Err: err})
				continue
			}
			laid[n.service].lay(&n)
			found = append(found, n)
		}
	})
	if err != nil {
		return nil, err
	}
	for _, s := range wanted {
		c.tellUnreadable(s, unreadable[s])
	}
	if len(found) == 0 {
		for _, errs := range unreadable {
			return nil, errs[0]
		}
	}
	return found, nil
}

// tellUnreadable logs which records of a service cannot be read.
func (c *conn) tellUnreadable(s keys.Service, errs []*errdefs.NodeError) {
	subject := s.Index()
	if len(errs) == 0 {
		c.Log.Well(&c.unreadable, subject, "rollcall: all records of nodes can be read")
		return
	}
	ids := make([]string, len(errs))
	for i, err := range errs {
		ids[i] = err.Node
	}
	c.Log.Troubled(&c.unreadable, subject, "rollcall: records of nodes cannot be read, and the nodes are left out: another program writes their keys",
		func(e *zerolog.Event) {
			e.Err(errs[0].Err).Str("namespace", s.Namespace()).Str("service", s.Name()).Strs("nodes", reporter.Some(ids))
		})
}

// decode fills in what a node's hash holds. Without a Decoder, nothing is shared.
func (n *foundNode) decode(records *record.Decoder, data, lease string) (err error) {
	if n.record, err = records.Node(data); err != nil {
		return err
	}
	if lease != "" {
		holder, err := record.ParseHolder(lease)
		if err != nil {
			return err
		}
		n.rev, n.lease = holder.Rev, holder.Lease
	}
	return nil
}

// serviceOverrides are what operators set on the nodes of a service, by field, and Redis's
// time, where it matters.
type serviceOverrides struct {
	byField map[string]string
	now     time.Time
}

// inForce returns the overrides of services, with the time where one of them has an end.
func (c *conn) inForce(ctx context.Context, overrides map[keys.Service]map[string]string) (map[keys.Service]serviceOverrides, error) {
	var timed []keys.Service
	for s, byField := range overrides {
		for _, override := range byField {
			if !record.NextEnd(override, time.Time{}).IsZero() {
				timed = append(timed, s)
				break
			}
		}
	}
	now, err := c.clocks(ctx, timed)
	if err != nil {
		return nil, err
	}
	laid := make(map[keys.Service]serviceOverrides, len(overrides))
	for s, byField := range overrides {
		laid[s] = serviceOverrides{byField, now[s]}
	}
	return laid, nil
}

// lay lays over a node what is set on all nodes, and then what is set on this one.
func (o serviceOverrides) lay(n *foundNode) {
	all, own := o.byField[keys.OverrideField(keys.AllNodes)], o.byField[keys.EscapeID(n.id)]
	if override := record.Laid(all, own, n.lease, o.now); override != "" {
		n.record = record.Lay(override, n.record)
	}
}
