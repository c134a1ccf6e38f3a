package lua

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
)

// MaxMembers is how many members one announce.lua enters: more would hold Redis
// for over a millisecond.
const MaxMembers = 500

// AnnounceCall enters members in one catalogue.
type AnnounceCall struct {
	Key     string
	Members []string

	// Forget is how long an entry, and the catalogue as a whole, outlives the last
	// call that entered it: whole milliseconds, by Redis's clock.
	Forget time.Duration
}

// Announce runs announce.lua for each call, and more than once for one of over
// MaxMembers members, all in one pipeline. It returns the first failure.
func Announce(ctx context.Context, c redis.UniversalClient, calls ...AnnounceCall) error {
	var sent []call
	for _, a := range calls {
		for members := range slices.Chunk(a.Members, MaxMembers) {
			args := []any{a.Forget.Milliseconds()}
			for _, m := range members {
				args = append(args, m)
			}
			sent = append(sent, call{script: announce, keys: []string{a.Key}, args: args})
		}
	}
	var failed error
	for _, cmd := range replies(ctx, c, sent) {
		failed = cmp.Or(failed, cmd.Err())
	}
	return failed
}
