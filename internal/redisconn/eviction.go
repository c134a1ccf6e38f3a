package redisconn

import (
	"context"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"
)

// WarnEviction says once in the log what Redis's maxmemory-policy will do to
// nodes, where CONFIG may be read. It returns false where another call may find out
// more.
func (c *Conn) WarnEviction(ctx context.Context) (known bool) {
	var mu sync.Mutex
	var found string
	ask := func(ctx context.Context, client *redis.Client) error {
		config, err := client.ConfigGet(ctx, "maxmemory-policy").Result()
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		if p := config["maxmemory-policy"]; strings.HasPrefix(p, "volatile-") || strings.HasPrefix(p, "allkeys-") {
			found = p
		}
		return nil
	}
	err := c.EachMaster(ctx, ask)
	if err != nil {
		c.Log.Debug(func(e *zerolog.Event) { e.Err(err).Msg("rollcall: maxmemory-policy cannot be read") })
	}
	if found != "" {
		c.warned.Do(func() {
			c.Log.Warn(func(e *zerolog.Event) {
				e.Str("maxmemory-policy", found).Msg("rollcall: once Redis reaches maxmemory it evicts live nodes, " +
					"which callers then miss until the next renewal: set maxmemory-policy noeviction, or keep the registry on a Redis of its own")
			})
		})
	}
	// Who may not read CONFIG, or has a Redis without it, will never know.
	return err == nil || found != "" || redis.HasErrorPrefix(err, "NOPERM") || redis.HasErrorPrefix(err, "ERR unknown command")
}
