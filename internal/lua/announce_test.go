package lua

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"
)

// week is how long the entries of these tests are kept.
const week = 7 * 24 * time.Hour

func TestAnnounceGoesByRedisTime(t *testing.T) {
	for _, srv := range []*server{fake(t), standalone(t), cluster(t)} {
		t.Run(srv.name, func(t *testing.T) {
			ctx, c, key := t.Context(), srv.client, "luatest:"+t.Name()
			t.Cleanup(func() { c.Del(ctx, key) })
			now, err := c.Time(ctx).Result()
			if err != nil {
				t.Fatal(err)
			}
			seen := func(member string, ago time.Duration) redis.Z {
				return redis.Z{Score: float64(now.Add(-ago).UnixMilli()), Member: member}
			}
			err = c.ZAdd(ctx, key, seen("long gone", week+time.Minute), seen("not yet", week-time.Minute), seen("again", 2*week)).Err()
			if err != nil {
				t.Fatal(err)
			}
			many := []string{"again"}
			for i := range MaxMembers {
				many = append(many, fmt.Sprint(i))
			}
			if err := Announce(ctx, c, AnnounceCall{Key: key, Members: many, Forget: week}); err != nil {
				t.Fatal(err)
			}
			all, err := c.ZRangeWithScores(ctx, key, 0, -1).Result()
			if err != nil {
				t.Fatal(err)
			}
			var members []string
			for _, z := range all {
				member := z.Member.(string)
				members = append(members, member)
				if since := time.UnixMilli(int64(z.Score)).Sub(now).Abs(); member != "not yet" && since > time.Minute {
					t.Errorf("%s was seen %v from Redis's time", member, since)
				}
			}
			want := append(many, "not yet")
			slices.Sort(members)
			slices.Sort(want)
			if d := cmp.Diff(want, members); d != "" {
				t.Errorf("members (-want +got):\n%s", d)
			}
			if left := c.PTTL(ctx, key).Val(); left <= week-time.Minute || left > week {
				t.Errorf("the catalogue expires in %v, want %v", left, week)
			}
		})
	}
}

func TestAnnounceTellsWhatFailed(t *testing.T) {
	c := standalone(t).client
	key := "luatest:" + t.Name()
	if err := c.Set(t.Context(), key, "of another type", time.Minute).Err(); err != nil {
		t.Fatal(err)
	}
	good := AnnounceCall{Key: key + ":good", Members: []string{"a"}, Forget: week}
	t.Cleanup(func() { c.Del(t.Context(), key, good.Key) })
	if err := Announce(t.Context(), c, AnnounceCall{Key: key, Members: []string{"a"}, Forget: week}, good); err == nil {
		t.Error("no error, and one catalogue holds a value of another type")
	}
	if n := c.ZCard(t.Context(), good.Key).Val(); n != 1 {
		t.Errorf("the other catalogue has %d entries, want 1", n)
	}
}
