package informer

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/keys"
	"github.com/rollcall-go/rollcall/internal/redisconn"
	"github.com/rollcall-go/rollcall/internal/replica"
)

// A knownService is a service that a namespaceWatch knows.
type knownService struct {
	followed bool          // it has nodes, or had until lately
	last     replica.Point // where it was when it was followed last

	entered   float64   // the score of its entry in the catalogue: when it was entered last, ms
	movedAt   time.Time // ours: when that was found to have changed
	checkedAt time.Time // ours: when it was looked at for nodes
}

// The costs of services without nodes.
const (
	checkEvery = time.Second / 15 // at most, one service is looked at for nodes
	checkFor   = time.Minute      // after its entry has changed: a process enters it before it registers
)

// candidates takes what the catalogues list, and returns the services that may have got
// nodes. After events may have been lost, these are all that are not followed. Otherwise
// they are those whose entries have changed lately, and of these as many as may be looked
// at until the catalogues are read again.
func (n *namespaceWatch) candidates(entries map[keys.Service]float64, poll time.Duration, now time.Time) []keys.Service {
	for service, known := range n.services {
		if _, listed := entries[service]; !listed && !known.followed {
			delete(n.services, service)
		}
	}
	var found []keys.Service
	for service, entered := range entries {
		known := n.services[service]
		if known == nil {
			known = &knownService{}
			n.services[service] = known
		}
		if known.entered != entered {
			known.entered, known.movedAt = entered, now
		}
		if !known.followed && (n.checkAll || now.Sub(known.movedAt) < checkFor || known.movedAt.After(known.checkedAt)) {
			found = append(found, service)
		}
	}
	if most := max(1, int(poll/checkEvery)); !n.checkAll && len(found) > most {
		slices.SortFunc(found, func(a, b keys.Service) int { return n.services[a].before(n.services[b]) })
		found = found[:most]
	}
	for _, service := range found {
		n.services[service].checkedAt = now
	}
	n.checkAll = false
	return found
}

// before orders services by which is to be looked at first: those whose entries have
// changed since they were looked at, and then those that were not for the longest time.
func (a *knownService) before(b *knownService) int {
	if am, bm := a.movedAt.After(a.checkedAt), b.movedAt.After(b.checkedAt); am != bm {
		if am {
			return -1
		}
		return 1
	}
	return a.checkedAt.Compare(b.checkedAt)
}

// readCatalogues returns the services that the catalogues of a namespace, or of all,
// list, with the score of the newest entry of each.
func readCatalogues(ctx context.Context, c *redisconn.Conn, namespace string) (map[keys.Service]float64, error) {
	namespaces, err := c.Namespaces(ctx, namespace)
	if err != nil {
		return nil, err
	}
	all := map[keys.Service]float64{}
	for _, ns := range namespaces {
		entries, err := redisconn.Reply(ctx, c, c.ZRangeWithScores(ctx, c.Space.Services(ns), 0, -1))
		if err != nil {
			return nil, err
		}
		scores := make(map[string]float64, len(entries))
		for _, z := range entries {
			scores[redisconn.Text(z.Member)] = z.Score
		}
		parse := c.ServiceIn(ns)
		redisconn.ParseAll(c, c.Space.Services(ns), slices.Collect(maps.Keys(scores)), func(member string) (keys.Service, error) {
			service, err := parse(member)
			if err == nil {
				all[service] = max(all[service], scores[member]) // one entry for each version
			}
			return service, err
		})
	}
	return all, nil
}

// readSizes returns how many nodes the indexes of services list.
func readSizes(ctx context.Context, c *redisconn.Conn, services []keys.Service) ([]int64, error) {
	sizes := make([]int64, 0, len(services))
	for page := range slices.Chunk(services, redisconn.PageSize) {
		replies, err := redisconn.Pipelined(ctx, c, page, func(p redis.Pipeliner, s keys.Service) *redis.IntCmd {
			return p.ZCard(ctx, s.Index())
		})
		if err != nil {
			return nil, err
		}
		for _, r := range replies {
			sizes = append(sizes, r.Val())
		}
	}
	return sizes, nil
}
