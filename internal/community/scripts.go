package community

import (
	"context"
	_ "embed"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

var (
	//go:embed keep.lua
	keepSource string
	//go:embed drop.lua
	dropSource string

	keep = redis.NewScript(keepSource)
	drop = redis.NewScript(dropSource)
)

// Keep has a service's hash hold value under field, and live for expiry at least,
// unless the deadline has passed by Redis's clock. It returns the time by that clock:
// after the deadline, nothing was done.
func Keep(ctx context.Context, c redis.Scripter, service, field, value string, expiry time.Duration, deadline time.Time) (time.Time, error) {
	key := Key(service)
	ms, err := keep.Run(ctx, c, []string{key}, deadline.UnixMilli(), expiry.Milliseconds(), field, value).Int64()
	if err != nil {
		return time.Time{}, fmt.Errorf("community: keep %s in %s: %w", field, key, err)
	}
	return time.UnixMilli(ms), nil
}

// Drop removes field from a service's hash if its value is this one, and says
// whether it did.
func Drop(ctx context.Context, c redis.Scripter, service, field, value string) (bool, error) {
	key := Key(service)
	n, err := drop.Run(ctx, c, []string{key}, field, value).Int64()
	if err != nil {
		return false, fmt.Errorf("community: drop %s from %s: %w", field, key, err)
	}
	return n == 1, nil
}
