package redisconn

import (
	"context"

	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/keys"
)

// Overrides returns what operators set, by service and by the member of the index
// that it is for. All but large sets come with one trip.
func (c *Conn) Overrides(ctx context.Context, services []keys.Service) (map[keys.Service]map[string]string, error) {
	type part struct {
		service keys.Service
		cursor  uint64
	}
	all := make(map[keys.Service]map[string]string, len(services))
	var parts []part
	for _, s := range services {
		all[s], parts = map[string]string{}, append(parts, part{service: s})
	}
	for len(parts) > 0 {
		replies, err := Pipelined(ctx, c, parts, func(p redis.Pipeliner, s part) *redis.ScanCmd {
			return p.HScan(ctx, s.service.Override(), s.cursor, "", PageSize)
		})
		if err != nil {
			return nil, err
		}
		var next []part
		for i, s := range parts {
			fields, cursor := replies[i].Val()
			for j := 0; j+1 < len(fields); j += 2 { // node, override
				all[s.service][fields[j]] = fields[j+1]
			}
			if cursor != 0 {
				next = append(next, part{s.service, cursor})
			}
		}
		parts = next
	}
	return all, nil
}
