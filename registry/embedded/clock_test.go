package embedded

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestClockDoesNotDrift(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		ticks := make(chan time.Time)
		var forwarded time.Duration
		began := time.Now()
		go keepTime(ctx, ticks, func(d time.Duration) { forwarded += d })

		for _, wait := range []time.Duration{tick, 3 * time.Second, tick, time.Hour} {
			time.Sleep(wait)
			ticks <- began // what a late tick says of the time is old
			synctest.Wait()
			if passed := time.Since(began); forwarded != passed {
				t.Fatalf("forwarded %v, passed %v", forwarded, passed)
			}
		}
	})
}
