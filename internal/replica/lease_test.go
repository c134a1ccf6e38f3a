package replica

import (
	"testing"
	"time"

	"github.com/rollcall-go/rollcall/internal/record"
)

func TestStartAnew(t *testing.T) {
	began := time.UnixMicro(10_000_000)
	now := began.Add(5 * time.Second)
	for name, c := range map[string]struct {
		guess, holder time.Duration // from began; the holder's 0 where there is none
		want          time.Duration // 0 where the guess is superseded
	}{
		"ahead, and nobody has the node":              {guess: time.Hour, want: time.Hour + 1000},
		"ahead, and the holder is older":              {guess: time.Hour, holder: -time.Minute, want: time.Hour + 1000},
		"behind a holder that is older than the call": {guess: -time.Minute, holder: -time.Second, want: 5 * time.Second},
		"behind a holder of about the same time":      {guess: -time.Minute, holder: time.Second, want: 5 * time.Second},
		"behind a holder that registered later":       {guess: 0, holder: time.Second + 1000},
		"behind a holder of this moment":              {guess: 0, holder: 5 * time.Second},
		"behind a holder that is ahead":               {guess: 0, holder: time.Minute, want: time.Minute + 1000},
	} {
		t.Run(name, func(t *testing.T) {
			holder := record.Lease{}
			if c.holder != 0 {
				holder.Start = began.Add(c.holder).UnixMicro()
			}
			start, ok := StartAnew(record.Lease{Start: began.Add(c.guess).UnixMicro()}, holder, began, now)
			if ok != (c.want != 0) || ok && time.UnixMicro(start).Sub(began) != c.want {
				t.Errorf("%v after the call began, %v; want %v", time.UnixMicro(start).Sub(began), ok, c.want)
			}
		})
	}
}

// The least that Redis's clock shows is what it showed, and what has passed since the answer
// came: however long that was on its way, and by the slower of the two clocks.
func TestLeast(t *testing.T) {
	var c ServerClock
	sent := time.Unix(100, 0)
	c.Answered(Answer{Sent: sent, Received: sent.Add(3 * time.Second), Now: time.Unix(1000, 0), Master: "m"}, gap)
	if got := c.Least(sent.Add(3 * time.Second)); !got.Equal(time.Unix(1000, 0)) {
		t.Errorf("%v when the answer came", got)
	}
	if got, want := c.Least(sent.Add(13*time.Second)), time.Unix(1010, 0).Add(-10*time.Millisecond); !got.Equal(want) {
		t.Errorf("%v ten seconds later, want %v", got, want)
	}
	c.Answered(Answer{Sent: sent.Add(20 * time.Second), Received: sent.Add(20 * time.Second), Now: time.Unix(900, 0), Master: "m"}, gap)
	if got := c.Least(sent.Add(20 * time.Second)); !got.Equal(time.Unix(900, 0)) {
		t.Errorf("%v after the clock was set back", got)
	}
}
