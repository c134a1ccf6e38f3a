package informer

import (
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/internal/keys"
	"github.com/rollcall-go/rollcall/internal/redisconn"
	"github.com/rollcall-go/rollcall/internal/replica"
	"github.com/rollcall-go/rollcall/internal/reporter"
)

type noListener struct{}

func (noListener) Initial(*Feed)                   {}
func (noListener) Changed(*Feed, []replica.Change) {}
func (noListener) HealthChanged(*Feed)             {}

// A read that ends after the last listener has left does not have the service polled again.
func TestADroppedFeedHasNothingToDo(t *testing.T) {
	i := New(&redisconn.Conn{Log: reporter.New(zerolog.Nop())}, Options{Poll: time.Second, TTL: time.Second})
	defer i.Stop()
	f := i.attach(keys.Space{}.Service("default", "shop"), noListener{})
	if i.schedule.First().IsZero() {
		t.Error("a new feed is to be read, and is not scheduled")
	}
	i.detach(f, noListener{})
	i.reschedule(f)
	if at := i.schedule.First(); !at.IsZero() {
		t.Errorf("a feed without listeners is scheduled for %v", at)
	}
}
