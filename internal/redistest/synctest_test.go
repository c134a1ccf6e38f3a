package redistest_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/redistest"
)

func TestSynctest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		_, o := redistest.Synctest(t)
		c := redis.NewClient(o)
		defer c.Close()

		sub := c.Subscribe(ctx, "c")
		defer sub.Close()
		messages := sub.Channel()

		began := time.Now()
		if err := c.Set(ctx, "k", "v", time.Minute).Err(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute - time.Nanosecond)
		if n, err := c.Exists(ctx, "k").Result(); n != 1 || err != nil {
			t.Errorf("gone too early: %d, %v", n, err)
		}
		time.Sleep(time.Nanosecond)
		if n, err := c.Exists(ctx, "k").Result(); n != 0 || err != nil {
			t.Errorf("outlives its TTL: %d, %v", n, err)
		}
		if now, err := c.Time(ctx).Result(); now.Sub(began) != time.Minute || err != nil {
			t.Errorf("TIME moved by %v, %v", now.Sub(began), err)
		}

		if err := c.Publish(ctx, "c", "hello").Err(); err != nil {
			t.Fatal(err)
		}
		if m := <-messages; m.Payload != "hello" {
			t.Errorf("received %q", m.Payload)
		}
	})
}
