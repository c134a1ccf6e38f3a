package replica

import (
	"testing"
	"time"
)

// The reason for the first snapshot is the subscription, also where a poll came before it.
func TestWhyOfTheFirstSnapshot(t *testing.T) {
	now := time.Unix(1000, 0)
	f := NewFeed(FeedOptions{Poll: time.Second, TTL: time.Second}, now)
	q, _ := f.StartPoll(now.Add(time.Second))
	f.Polled(q, Poll{Point: Point{"e", 1, "t"}, Members: 1}, now)
	f.Subscribed(now.Add(time.Millisecond))
	if !f.StartRead(now.Add(time.Millisecond)) || f.Why() != WhySubscribed {
		t.Errorf("why: %q, want %q", f.Why(), WhySubscribed)
	}
}
