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

// PageSize is how many commands go in one pipeline.
const PageSize = 500

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

// Candidates returns the nodes that the indexes of services list, and what operators
// set, by service and by the member of the index that it is for. All but large ones come
// with one trip.
func (c *Conn) Candidates(ctx context.Context, wanted []keys.Service) ([]Entry, map[keys.Service]map[string]string, error) {
	lists := make([]List, len(wanted))
	_, err := c.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, s := range wanted {
			lists[i] = AskList(ctx, p, s)
		}
		return nil
	})
	if err != nil {
		c.Reload(ctx)
		return nil, nil, err
	}
	var nodes []Entry
	overrides := make(map[keys.Service]map[string]string, len(wanted))
	for _, l := range lists {
		listed, set, err := c.Listed(ctx, l)
		if err != nil {
			return nil, nil, err
		}
		nodes, overrides[l.service] = append(nodes, listed...), set
	}
	return nodes, overrides, nil
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
