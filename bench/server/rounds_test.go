package server

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/keys"
	"github.com/rollcall-go/rollcall/internal/lua"
)

const (
	service = "shop"
	ttl     = 15 * time.Second
	lease   = "1700000000000000-00000000000a"
)

func target() lua.Target {
	space, err := keys.New("bench")
	if err != nil {
		panic(err) // the prefix is a constant
	}
	return lua.Target{Service: space.Service("default", service), Deadline: time.Now().Add(time.Hour), Nonce: "00000000000b"}
}

func leaseOf(i int) lua.Lease { return lua.Lease{ID: nodeID(i), Token: lease, Seq: 1, TTL: ttl} }

func register(ctx context.Context, c *redis.Client, from, n int) error {
	call := lua.RegisterCall{Target: target()}
	for i := from; i < from+n; i++ {
		call.Nodes = append(call.Nodes, lua.Registration{Lease: leaseOf(i), Data: []byte(record)})
	}
	return done(lua.Register(ctx, c, call))
}

func renew(ctx context.Context, c *redis.Client, from, n int) error {
	call := lua.RenewCall{Target: target()}
	for i := from; i < from+n; i++ {
		call.Nodes = append(call.Nodes, leaseOf(i))
	}
	return done(lua.Renew(ctx, c, call))
}

// done returns an error unless each node is registered or renewed.
func done(results []lua.Result) error {
	for _, r := range results {
		if r.Err != nil {
			return r.Err
		}
		for _, code := range r.Codes {
			if code != lua.Done {
				return fmt.Errorf("a node got code %v, want %v", code, lua.Done)
			}
		}
	}
	return nil
}

// nodeKey and setKey share a slot, as Rollcall's keys of a service do.
const setKey = "{" + service + "}:nodes"

func nodeKey(i int) string { return "{" + service + "}:" + nodeID(i) }

// piped runs one command, or a few, for each node in one pipeline.
func piped(each func(p redis.Pipeliner, ctx context.Context, i int)) round {
	return func(ctx context.Context, c *redis.Client, from, n int) error {
		_, err := c.Pipelined(ctx, func(p redis.Pipeliner) error {
			for i := from; i < from+n; i++ {
				each(p, ctx, i)
			}
			return nil
		})
		return err
	}
}

func scripted(s *redis.Script) round {
	return piped(func(p redis.Pipeliner, ctx context.Context, i int) {
		s.EvalSha(ctx, p, []string{nodeKey(i), setKey}, nodeID(i), record, ttl.Milliseconds())
	})
}

var (
	setHash = piped(func(p redis.Pipeliner, ctx context.Context, i int) {
		p.SAdd(ctx, setKey, nodeID(i))
		p.HSet(ctx, nodeKey(i), "data", record)
		p.PExpire(ctx, nodeKey(i), ttl)
	})
	pexpire = piped(func(p redis.Pipeliner, ctx context.Context, i int) { p.PExpire(ctx, nodeKey(i), ttl) })
)
