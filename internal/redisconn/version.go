package redisconn

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/keys"
	"github.com/rollcall-go/rollcall/internal/replica"
)

// AskVersion reads the version of a service; Version takes the reply.
func AskVersion(ctx context.Context, c redis.Cmdable, s keys.Service) *redis.StringCmd {
	return c.Get(ctx, s.Version())
}

// Version returns the version that AskVersion read. It is zero where the service has
// none.
func Version(cmd *redis.StringCmd) (replica.Point, error) {
	text, err := cmd.Result()
	if errors.Is(err, redis.Nil) {
		return replica.Point{}, nil
	}
	if err != nil {
		return replica.Point{}, err
	}
	return ParseVersion(text)
}

// ParseVersion returns the version in a text: "<epoch> <rev> <tag>". It is zero
// for "": the service has none.
func ParseVersion(text string) (p replica.Point, err error) {
	if text == "" {
		return p, nil
	}
	f := strings.Split(text, " ")
	if len(f) != 3 {
		return p, fmt.Errorf("version %.80q: want an epoch, a rev and a tag", text)
	}
	rev, err := strconv.ParseUint(f[1], 10, 64)
	if err != nil {
		return p, fmt.Errorf("version %.80q: %w", text, err)
	}
	return replica.Point{Epoch: f[0], Rev: rev, Tag: f[2]}, nil
}
