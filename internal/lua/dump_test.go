package lua

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/record"
)

// An entry is one key's full content. Its expiry is given in minutes, or is
// "never".
type entry struct {
	Type, Expires string
	Fields        map[string]string // of a hash
	Scores        map[string]float64
	Items         []string // of a list or a set; or the one value of a string
}

// admin is the server that holds the stage's keys.
func (s *stage) admin() *redis.Client {
	s.Helper()
	c, err := s.server.master(context.WithoutCancel(s.Context()), s.svc.Index())
	if err != nil {
		s.Fatalf("master: %v", err)
	}
	return c
}

// names lists the stage's keys.
func (s *stage) names() []string {
	s.Helper()
	ctx := context.WithoutCancel(s.Context())
	base := strings.TrimSuffix(s.svc.Index(), "index")
	var names []string
	scan := s.admin().Scan(ctx, 0, base+"*", 1000).Iterator()
	for scan.Next(ctx) {
		names = append(names, scan.Val())
	}
	if err := scan.Err(); err != nil {
		s.Fatalf("scan: %v", err)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (s *stage) clear() {
	for _, k := range s.names() {
		s.evict(k)
	}
}

// evict removes a key, as an eviction or an operator's DEL does.
func (s *stage) evict(key string) {
	s.Helper()
	s.evicted[key] = true
	if err := s.admin().Del(context.WithoutCancel(s.Context()), key).Err(); err != nil {
		s.Fatalf("del: %v", err)
	}
}

// set does something to the server that no script does.
func (s *stage) set(err error) {
	s.Helper()
	if err != nil {
		s.Fatalf("prepare: %v", err)
	}
}

// age moves every lease and tombstone nearer to its end, as if d had passed.
func (s *stage) age(d time.Duration) {
	s.Helper()
	ctx, c := s.Context(), s.admin()
	for _, k := range s.names() {
		left, err := c.PTTL(ctx, k).Result()
		s.set(err)
		if left >= 0 && left <= d {
			s.set(c.Del(ctx, k).Err())
		} else if left >= 0 {
			s.set(c.PExpire(ctx, k, left-d).Err())
		}
	}
	ids, err := c.ZRange(ctx, s.svc.Index(), 0, -1).Result()
	s.set(err)
	for _, id := range ids {
		s.set(c.ZIncrBy(ctx, s.svc.Index(), -float64(d.Milliseconds()), id).Err())
	}
}

// dump returns everything that the service has in Redis.
func (s *stage) dump() map[string]entry {
	s.Helper()
	ctx, names := s.Context(), s.names()
	pipe := s.admin().Pipeline()
	types, lefts := map[string]*redis.StatusCmd{}, map[string]*redis.DurationCmd{}
	for _, k := range names {
		types[k], lefts[k] = pipe.Type(ctx, k), pipe.PTTL(ctx, k)
	}
	_, err := pipe.Exec(ctx)
	s.set(err)

	all, values := map[string]entry{}, map[string]redis.Cmder{}
	for _, k := range names {
		e := entry{Type: types[k].Val(), Expires: "never"}
		if left := lefts[k].Val(); left >= 0 {
			e.Expires = minutes(left)
		}
		switch all[k] = e; e.Type {
		case "hash":
			values[k] = pipe.HGetAll(ctx, k)
		case "zset":
			values[k] = pipe.ZRangeWithScores(ctx, k, 0, -1)
		case "list":
			values[k] = pipe.LRange(ctx, k, 0, -1)
		case "set":
			values[k] = pipe.SMembers(ctx, k)
		case "string":
			values[k] = pipe.Get(ctx, k)
		default:
			s.Fatalf("key %s is a %q", k, e.Type)
		}
	}
	_, err = pipe.Exec(ctx)
	s.set(err)
	for k, v := range values {
		e := all[k]
		switch v := v.(type) {
		case *redis.MapStringStringCmd:
			e.Fields = v.Val()
		case *redis.ZSliceCmd:
			e.Scores = map[string]float64{}
			for _, m := range v.Val() {
				e.Scores[fmt.Sprint(m.Member)] = m.Score
			}
		case *redis.StringSliceCmd:
			e.Items = v.Val()
		case *redis.StringCmd:
			e.Items = []string{v.Val()}
		}
		all[k] = e
	}
	return all
}

// left returns how far the end of a lease is, by an index score.
func left(score float64) string { return minutes(time.Until(time.UnixMilli(int64(score)))) }

// lines returns all of a dump, except what differs from run to run: the ends of
// leases are given in minutes from now, epochs and tags by their order.
func (s *stage) lines(all map[string]entry) []string {
	var lines []string
	for _, k := range slices.Sorted(maps.Keys(all)) {
		e := all[k]
		line := []string{k, e.Type, e.Expires}
		for _, f := range slices.Sorted(maps.Keys(e.Fields)) {
			line = append(line, f+"="+plain(e.Fields[f]))
		}
		for _, m := range slices.Sorted(maps.Keys(e.Scores)) {
			line = append(line, m+"="+left(e.Scores[m]))
		}
		for _, item := range e.Items {
			switch f := strings.Split(item, " "); {
			case k == s.svc.Log():
				f[0], f[1] = s.mark("tag", f[0]), ""
				if until := record.ParseNote(f[len(f)-1]).Until; until > 0 {
					f[len(f)-1] = "until " + left(float64(until))
				}
				item = strings.Join(f, " ")
			case k == s.svc.Version() && len(f) == 3:
				item = s.mark("epoch", f[0]) + " " + f[1] + " " + s.mark("tag", f[2])
			}
			line = append(line, item)
		}
		lines = append(lines, strings.Join(line, " "))
	}
	return lines
}

// nodes returns the state of each node in one line, sorted by id:
//
//	a live ours/1 rev 1 10m, indexed 10m
//	b gone self ours/2 1m, not indexed
//	c no hash, indexed -1m
func (s *stage) nodes(all map[string]entry) []string {
	index := all[s.svc.Index()].Scores
	ids := slices.Collect(maps.Keys(index))
	base := s.svc.Node("")
	for k := range all {
		if id, ok := strings.CutPrefix(k, base); ok {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	var lines []string
	for _, id := range slices.Compact(ids) {
		line := id + " no hash"
		if h, ok := all[base+id]; ok {
			switch f := strings.Split(h.Fields["lease"], " "); len(f) {
			case 3: // a tombstone
				line = fmt.Sprintf("%s gone %s %s/%s %s", id, f[2], f[0], f[1], h.Expires)
			case 4:
				line = fmt.Sprintf("%s live %s/%s rev %s %s", id, f[0], f[1], f[3], h.Expires)
			default:
				line = fmt.Sprintf("%s foreign %v", id, h.Fields)
			}
		}
		if score, ok := index[id]; ok {
			line += ", indexed " + left(score)
		} else {
			line += ", not indexed"
		}
		lines = append(lines, named.Replace(line))
	}
	return lines
}

// hash wants a node's hash to have these fields and no others.
func (s *stage) hash(id string, want map[string]string) {
	s.Helper()
	if d := cmp.Diff(want, s.dump()[s.svc.Node(id)].Fields); d != "" {
		s.Errorf("hash of %s (-want +got):\n%s", id, d)
	}
}

// named puts the names of the leases for their tokens.
var named = strings.NewReplacer(older, "older", ours, "ours", newer, "newer")
