package registry

import (
	"cmp"
	"context"
	"slices"
	"strconv"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/internal/keys"
	"github.com/rollcall-go/rollcall/internal/record"
)

const (
	// pageSize is how many commands go in one pipeline.
	pageSize = 500

	// wholeIndex is the largest index that is read by one command: beyond it
	// that would hold Redis for over a millisecond.
	wholeIndex = 20_000
)

// A serviceVersion is what one *Service stands for.
type serviceVersion struct{ namespace, name, version string }

func (v serviceVersion) service() *Service {
	return &Service{Namespace: v.namespace, Name: v.name, Version: v.version}
}

// A foundNode is a node as it stands in Redis, with what an operator set laid
// over its record.
type foundNode struct {
	service keys.Service
	id      string
	rev     uint64
	record  record.Node
}

func (f foundNode) serviceVersion() serviceVersion {
	return serviceVersion{f.service.Namespace(), f.service.Name(), f.record.Version}
}

// namespaces returns the namespaces that a caller means.
func (c *conn) namespaces(ctx context.Context, ns string) ([]string, error) {
	if ns != allNamespaces {
		return []string{ns}, checkNamespace("Namespace", ns)
	}
	members, err := reply(ctx, c, c.ZRange(ctx, c.space.Namespaces(), 0, -1))
	if err != nil {
		return nil, err
	}
	return parseAll(c, c.space.Namespaces(), members, keys.ParseNamespaceMember), nil
}

// names returns the services that a namespace may have.
func (c *conn) names(ctx context.Context, ns string) ([]keys.Service, error) {
	members, err := reply(ctx, c, c.ZRange(ctx, c.space.Services(ns), 0, -1))
	if err != nil {
		return nil, err
	}
	names := parseAll(c, c.space.Services(ns), members, c.serviceIn(ns))
	slices.SortFunc(names, func(a, b keys.Service) int { return cmp.Compare(a.Name(), b.Name()) })
	return slices.Compact(names), nil // one member for each version
}

// serviceIn reads the members of a namespace's catalogue.
func (c *conn) serviceIn(ns string) func(member string) (keys.Service, error) {
	return func(m string) (keys.Service, error) {
		name, _, err := keys.ParseServiceMember(m)
		return c.space.Service(ns, name), err
	}
}

// parseAll leaves out, and logs, what nobody of ours can have written: members are all
// that a key holds.
func parseAll[T any](c *conn, key string, members []string, parse func(string) (T, error)) []T {
	parsed := make([]T, 0, len(members))
	var foreign error
	for _, m := range members {
		v, err := parse(m)
		if err != nil {
			foreign = err
			continue
		}
		parsed = append(parsed, v)
	}
	if foreign != nil {
		c.troubled(&c.foreign, key, "rollcall: a catalogue or an index holds foreign entries, and they are left out: another program writes this key",
			func(e *zerolog.Event) {
				e.Err(foreign).Str("key", key).Int("entries", len(members)-len(parsed))
			})
	} else {
		c.well(&c.foreign, key, "rollcall: no list holds foreign entries any more")
	}
	return parsed
}

// read returns the live nodes of services, by plain commands in pages.
func (c *conn) read(ctx context.Context, wanted []keys.Service) ([]foundNode, error) {
	candidates, overrides, err := c.candidates(ctx, wanted)
	if err != nil {
		return nil, err
	}
	var found []foundNode
	unreadable := map[keys.Service][]*nodeError{}
	for page := range slices.Chunk(candidates, pageSize) {
		replies, err := pipelined(ctx, c, page, func(p redis.Pipeliner, n foundNode) *redis.SliceCmd {
			return p.HMGet(ctx, n.service.Node(n.id), "data", "rev")
		})
		if err != nil {
			return nil, err
		}
		for i, reply := range replies {
			data, live := reply.Val()[0].(string)
			if !live {
				continue // it ran out, or said goodbye, and the index has not caught up
			}
			n := page[i]
			if err := n.decode(data, reply.Val()[1], overrides[n.service][keys.EscapeID(n.id)]); err != nil {
				unreadable[n.service] = append(unreadable[n.service], &nodeError{n.id, err})
				continue
			}
			found = append(found, n)
		}
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
func (c *conn) tellUnreadable(s keys.Service, errs []*nodeError) {
	subject := s.Index()
	if len(errs) == 0 {
		c.well(&c.unreadable, subject, "rollcall: all records of nodes can be read")
		return
	}
	ids := make([]string, len(errs))
	for i, err := range errs {
		ids[i] = err.node
	}
	c.troubled(&c.unreadable, subject, "rollcall: records of nodes cannot be read, and the nodes are left out: another program writes their keys",
		func(e *zerolog.Event) {
			e.Err(errs[0].err).Str("namespace", s.Namespace()).Str("service", s.Name()).Strs("nodes", shown(ids))
		})
}

// decode fills in what a node's hash holds.
func (n *foundNode) decode(data string, rev any, override string) (err error) {
	if n.record, err = record.DecodeNode([]byte(data)); err != nil {
		return err
	}
	if s, ok := rev.(string); ok {
		if n.rev, err = strconv.ParseUint(s, 10, 64); err != nil {
			return err
		}
	}
	if override == "" {
		return nil
	}
	if o, err := record.DecodeOverride([]byte(override)); err == nil {
		n.record = o.Apply(n.record)
	}
	return nil // an override that cannot be read is left off: the node's own word stands
}

// candidates returns the nodes that the indexes list, and what operators set.
func (c *conn) candidates(ctx context.Context, wanted []keys.Service) ([]foundNode, map[keys.Service]map[string]string, error) {
	sizes, err := pipelined(ctx, c, wanted, func(p redis.Pipeliner, s keys.Service) *redis.IntCmd {
		return p.ZCard(ctx, s.Index())
	})
	if err != nil {
		return nil, nil, err
	}
	var small, large []keys.Service
	for i, s := range wanted {
		switch n := sizes[i].Val(); {
		case n > wholeIndex:
			large = append(large, s)
		case n > 0:
			small = append(small, s)
		}
	}
	members := map[keys.Service][]string{}
	lists, err := pipelined(ctx, c, small, func(p redis.Pipeliner, s keys.Service) *redis.StringSliceCmd {
		return p.ZRange(ctx, s.Index(), 0, -1)
	})
	if err != nil {
		return nil, nil, err
	}
	for i, s := range small {
		members[s] = lists[i].Val()
	}
	for _, s := range large {
		if members[s], err = c.scan(ctx, s); err != nil {
			return nil, nil, err
		}
	}
	standing := append(small, large...)
	overrides, err := c.overrides(ctx, standing)
	if err != nil {
		return nil, nil, err
	}
	var nodes []foundNode
	for _, s := range standing {
		for _, id := range parseAll(c, s.Index(), members[s], keys.Unescape) {
			nodes = append(nodes, foundNode{service: s, id: id})
		}
	}
	return nodes, overrides, nil
}

// scan reads a large index bit by bit. What stands all the while comes at least
// once; what came twice, once.
func (c *conn) scan(ctx context.Context, s keys.Service) ([]string, error) {
	var members []string
	var cursor uint64
	for {
		scan := c.ZScan(ctx, s.Index(), cursor, "", 1000)
		if err := c.answered(ctx, scan); err != nil {
			return nil, err
		}
		page, next := scan.Val()
		for i := 0; i < len(page); i += 2 { // member, score
			members = append(members, page[i])
		}
		if cursor = next; cursor == 0 {
			slices.Sort(members)
			return slices.Compact(members), nil
		}
	}
}

// answered returns the error of a command that was sent. After one, a cluster
// client looks for the master that has taken over.
func (c *conn) answered(ctx context.Context, cmd redis.Cmder) error {
	if cmd.Err() != nil {
		c.failed(ctx)
	}
	return cmd.Err()
}

// reply returns what a command that cannot meet redis.Nil was answered.
func reply[T any](ctx context.Context, c *conn, cmd interface {
	redis.Cmder
	Val() T
},
) (T, error) {
	return cmd.Val(), c.answered(ctx, cmd)
}

// pipelined sends one command for each input and returns the replies, all of
// them or an error.
func pipelined[In any, Cmd redis.Cmder](ctx context.Context, c *conn, in []In, add func(redis.Pipeliner, In) Cmd) ([]Cmd, error) {
	if len(in) == 0 {
		return nil, nil
	}
	cmds := make([]Cmd, len(in))
	_, err := c.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, v := range in {
			cmds[i] = add(p, v)
		}
		return nil
	})
	for _, cmd := range cmds {
		err = cmp.Or(err, cmd.Err())
	}
	if err != nil {
		c.failed(ctx)
		return nil, err
	}
	return cmds, nil
}

// refusal is why a transaction failed. EXEC only tells that it was discarded;
// the command that Redis refused tells for what.
func refusal(cmds []redis.Cmder, err error) error {
	if redis.HasErrorPrefix(err, "EXECABORT") {
		for _, cmd := range cmds {
			if !redis.HasErrorPrefix(cmd.Err(), "EXECABORT") {
				err = cmp.Or(cmd.Err(), err)
			}
		}
	}
	return err
}
