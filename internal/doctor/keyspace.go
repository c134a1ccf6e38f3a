package doctor

import (
	"context"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	mostScanned = 100_000         // keys that SCAN goes over, on each master
	scanBatch   = 1000            // in one call, which holds Redis for about 0.2 ms
	scanTime    = 5 * time.Second // on each master
)

// keyspace looks for keys below our prefix that Rollcall does not write: another program
// that uses the prefix. It looks at a bounded part of the keys.
func (p *patient) keyspace(ctx context.Context) []Finding {
	const name = "foreign keys"
	var foreign, wrong, forever []string
	scanned, whole := 0, true
	one := func(ctx context.Context, c *redis.Client) error {
		ctx, cancel := context.WithTimeout(ctx, scanTime)
		defer cancel()
		var cursor uint64
		for n := 0; ; n += scanBatch {
			found, next, err := c.Scan(ctx, cursor, p.space.Prefix()+":*", scanBatch).Result()
			if err != nil {
				return err
			}
			if err := p.sort(ctx, c, found, &foreign, &wrong, &forever); err != nil {
				return err
			}
			scanned += len(found)
			if cursor = next; cursor == 0 {
				return nil
			}
			if n >= mostScanned {
				whole = false
				return nil
			}
		}
	}
	var err error
	switch c := p.client.(type) {
	case *redis.ClusterClient:
		err = inTurn(ctx, c, one)
	case *redis.Client:
		err = one(ctx, c)
	}
	f := fine("all %d keys below %s are Rollcall's", scanned, p.space.Prefix())
	if !whole {
		f = fine("the %d keys below %s that were looked at are Rollcall's; there are more", scanned, p.space.Prefix())
	}
	switch {
	case len(wrong) > 0:
		f = bad(Fail, "remove these keys, or choose another prefix: calls for their services fail", "keys of another type than Rollcall's: %s", count(wrong, "key"))
	case len(forever) > 0:
		f = bad(Fail, "remove these keys: a node whose process is gone would stay for ever", "nodes without an expiry, which another program took away: %s", count(forever, "key"))
	case len(foreign) > 0:
		f = bad(Warn, "choose another prefix for one of the programs", "keys below %s that Rollcall does not write: %s", p.space.Prefix(), count(foreign, "key"))
	case err != nil && refused(err):
		f = untold("SCAN")
		f.Remedy = "run doctor as a user with +scan +type +pttl, which no service needs: SCAN shows the names of all keys"
	case err != nil:
		f = bad(Unknown, "see the error", "the keys cannot be listed: %v", err)
	}
	f.Check = name
	return []Finding{f}
}

// sort tells the keys apart: by their names, their types, and whether they end.
func (p *patient) sort(ctx context.Context, c *redis.Client, found []string, foreign, wrong, forever *[]string) error {
	if len(found) == 0 {
		return nil
	}
	types, ends := make([]*redis.StatusCmd, len(found)), make([]*redis.DurationCmd, len(found))
	_, err := c.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for i, key := range found {
			types[i], ends[i] = pipe.Type(ctx, key), pipe.PTTL(ctx, key)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i, key := range found {
		want, isNode := p.kind(key)
		switch is := types[i].Val(); {
		case is == "none": // it has ended
		case want == "":
			*foreign = append(*foreign, key)
		case is != want:
			*wrong = append(*wrong, key+" is a "+is)
		case isNode && ends[i].Val() == -1:
			*forever = append(*forever, key)
		}
	}
	return nil
}

// kind returns the type of one of our keys, "" for others.
func (p *patient) kind(key string) (want string, isNode bool) {
	if key == p.space.Namespaces() {
		return "zset", false
	}
	if _, _, err := p.space.ParseNode(key); err == nil {
		return "hash", true
	}
	// An event's channel has the form of a key: it takes the names apart.
	base, last, ok := strings.Cut(key, "}:")
	if !ok {
		return "", false
	}
	if _, _, err := p.space.ParseEvents(base+"}:events:0", 0); err == nil {
		return map[string]string{"index": "zset", "version": "string", "log": "list", "override": "hash"}[last], false
	}
	if ns, ok := strings.CutPrefix(base, p.space.Prefix()+":{"); ok && last == "services" && !strings.Contains(ns, "/") {
		return "zset", false
	}
	return "", false
}
