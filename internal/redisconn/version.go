package redisconn

import (
	"context"
	"errors"
	"strconv"

	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/keys"
	"github.com/rollcall-go/rollcall/internal/replica"
)

// AskVersion reads the version of a service; Version takes the reply.
func AskVersion(ctx context.Context, c redis.Cmdable, s keys.Service) *redis.SliceCmd {
	return c.HMGet(ctx, s.Version(), "epoch", "rev", "tag")
}

// Version returns the version that AskVersion read. It is zero where the service has
// none.
func Version(cmd *redis.SliceCmd) (replica.Point, error) {
	reply, err := cmd.Result()
	if err != nil {
		return replica.Point{}, err
	}
	return ParseVersion(reply)
}

// ParseVersion returns the version that the reply to HMGET epoch rev tag tells. It is
// zero where a field is missing: the next change begins a new history.
func ParseVersion(values []any) (p replica.Point, err error) {
	if len(values) != 3 {
		return p, errors.New("version: want three fields")
	}
	epoch, ok1 := values[0].(string)
	rev, ok2 := values[1].(string)
	tag, ok3 := values[2].(string)
	if !ok1 || !ok2 || !ok3 {
		return p, nil
	}
	n, err := strconv.ParseUint(rev, 10, 64)
	return replica.Point{Epoch: epoch, Rev: n, Tag: tag}, err
}
