package registry

import (
	"context"

	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/redisconn"
)

// Knows reports whether a service exists: whether Redis has a node of it, or had one within
// the last day. It is one read of two keys, and starts nothing.
func (r *Redis) Knows(ctx context.Context, service string, opts ...FollowOption) (bool, error) {
	return run(ctx, r, operation{op: "know", namespace: apply(opts).Namespace, service: service}, knows)
}

func knows(ctx context.Context, op *operation) (bool, error) {
	if err := checkNamespace("Namespace", op.namespace); err != nil {
		return false, err
	}
	if err := checkName("Name", op.service); err != nil {
		return false, err
	}
	if err := op.c.Meet(ctx); err != nil {
		return false, err
	}
	k := op.c.Space.Service(op.namespace, op.service)
	var version *redis.StringCmd
	var nodes *redis.IntCmd
	cmds, err := op.c.Pipelined(ctx, func(p redis.Pipeliner) error {
		version, nodes = redisconn.AskVersion(ctx, p, k), p.ZCard(ctx, k.Index())
		return nil
	})
	if err = redisconn.Refusal(cmds, err); err != nil {
		op.c.Reload(ctx)
		return false, err
	}
	at, err := redisconn.Version(version)
	return at.Epoch != "" || nodes.Val() > 0, err
}
