package redisconn

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/internal/keys"
)

const (
	// PageSize is how many commands go in one pipeline.
	PageSize = 500

	// wholeIndex is the largest index that is read by one command: beyond it
	// that would hold Redis for over a millisecond.
	wholeIndex = 20_000
)

// Namespaces returns the namespace, or for keys.AllNamespaces all that the catalogue
// lists.
func (c *Conn) Namespaces(ctx context.Context, ns string) ([]string, error) {
	if ns != keys.AllNamespaces {
		return []string{ns}, nil
	}
	members, err := Reply(ctx, c, c.ZRange(ctx, c.Space.Namespaces(), 0, -1))
	if err != nil {
		return nil, err
	}
	return ParseAll(c, c.Space.Namespaces(), members, keys.ParseNamespaceMember), nil
}

// Names returns the services that a namespace may have.
func (c *Conn) Names(ctx context.Context, ns string) ([]keys.Service, error) {
	members, err := Reply(ctx, c, c.ZRange(ctx, c.Space.Services(ns), 0, -1))
	if err != nil {
		return nil, err
	}
	names := ParseAll(c, c.Space.Services(ns), members, c.ServiceIn(ns))
	slices.SortFunc(names, func(a, b keys.Service) int { return cmp.Compare(a.Name(), b.Name()) })
	return slices.Compact(names), nil // one member for each version
}

// ServiceIn reads the members of a namespace's catalogue.
func (c *Conn) ServiceIn(ns string) func(member string) (keys.Service, error) {
	return func(m string) (keys.Service, error) {
		name, _, err := keys.ParseServiceMember(m)
		return c.Space.Service(ns, name), err
	}
}

// ParseAll leaves out, and logs, what no Rollcall process can have written: members are all
// that a key holds.
func ParseAll[T any](c *Conn, key string, members []string, parse func(string) (T, error)) []T {
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
		c.Log.Troubled(&c.foreign, key, "rollcall: a catalogue or an index holds foreign entries, and they are left out: another program writes this key",
			func(e *zerolog.Event) {
				e.Err(foreign).Str("key", key).Int("entries", len(members)-len(parsed))
			})
	} else {
		c.allOurs(key)
	}
	return parsed
}

// allOurs notes that a list holds no foreign entry.
func (c *Conn) allOurs(key string) {
	c.Log.Well(&c.foreign, key, "rollcall: no list holds foreign entries any more")
}

// An Entry is a node that an index lists.
type Entry struct {
	Service keys.Service
	ID      string
}

// Candidates returns the nodes that the indexes of services list, and what operators
// set, by service and by the member of the index that it is for.
func (c *Conn) Candidates(ctx context.Context, wanted []keys.Service) ([]Entry, map[keys.Service]map[string]string, error) {
	sizes, err := Pipelined(ctx, c, wanted, func(p redis.Pipeliner, s keys.Service) *redis.IntCmd {
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
		default:
			c.allOurs(s.Index())
		}
	}
	members := map[keys.Service][]string{}
	lists, err := Pipelined(ctx, c, small, func(p redis.Pipeliner, s keys.Service) *redis.StringSliceCmd {
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
	overrides, err := c.Overrides(ctx, standing)
	if err != nil {
		return nil, nil, err
	}
	var nodes []Entry
	for _, s := range standing {
		for _, id := range ParseAll(c, s.Index(), members[s], keys.Unescape) {
			nodes = append(nodes, Entry{s, id})
		}
	}
	return nodes, overrides, nil
}

// scan reads a large index bit by bit. A member that is there all the while comes at least
// once; what came twice, once.
func (c *Conn) scan(ctx context.Context, s keys.Service) ([]string, error) {
	var members []string
	var cursor uint64
	for {
		scan := c.ZScan(ctx, s.Index(), cursor, "", 1000)
		if err := c.Answered(ctx, scan); err != nil {
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

// Answered returns the error of a command that was sent. After one, a cluster
// client looks for the master that has taken over.
func (c *Conn) Answered(ctx context.Context, cmd redis.Cmder) error {
	if cmd.Err() != nil {
		c.Reload(ctx)
	}
	return cmd.Err()
}

// Reply returns what a command that cannot meet redis.Nil was answered.
func Reply[T any](ctx context.Context, c *Conn, cmd interface {
	redis.Cmder
	Val() T
},
) (T, error) {
	return cmd.Val(), c.Answered(ctx, cmd)
}

// Pipelined sends one command for each input and returns the replies, all of
// them or an error.
func Pipelined[In any, Cmd redis.Cmder](ctx context.Context, c *Conn, in []In, add func(redis.Pipeliner, In) Cmd) ([]Cmd, error) {
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
		c.Reload(ctx)
		return nil, err
	}
	return cmds, nil
}

// Refusal is why a pipeline or a transaction failed, or nil. That a key is missing is no
// failure. EXEC only says that it was discarded; the command that Redis refused says
// for what.
func Refusal(cmds []redis.Cmder, err error) error {
	if errors.Is(err, redis.Nil) { // the first error of the commands
		err = nil
		for _, cmd := range cmds {
			if !errors.Is(cmd.Err(), redis.Nil) {
				err = cmp.Or(err, cmd.Err())
			}
		}
	}
	if redis.HasErrorPrefix(err, "EXECABORT") {
		for _, cmd := range cmds {
			if !redis.HasErrorPrefix(cmd.Err(), "EXECABORT") {
				err = cmp.Or(cmd.Err(), err)
			}
		}
	}
	return err
}

// Text is a reply that a protocol gives as a string and another as a number.
func Text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return ""
}
