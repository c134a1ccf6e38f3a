package statelog

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/internal/keys"
	"github.com/rollcall-go/rollcall/internal/lifecycle"
	"github.com/rollcall-go/rollcall/internal/reporter"
)

// Nodes that callers may miss are named once a minute, with their holder, until they are
// back or gone.
func TestNodesThatAreAwayAreNamedOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		report := reporter.New(zerolog.New(&out))
		l := New(report)
		shop := keys.Space{}.Service("", "shop")
		change := func(node string, was, state lifecycle.State) {
			l.Add(Change{Service: shop, Node: node, Was: was, State: state, Holder: "held by 10.0.0.9:80"})
		}
		lines := func() int {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if err := report.Wait(ctx); err != nil {
				t.Fatal(err)
			}
			report = reporter.New(zerolog.New(&out))
			l.report = report
			return strings.Count(out.String(), "\n")
		}
		change("a", lifecycle.Live, lifecycle.Superseded)
		change("b", lifecycle.Live, lifecycle.Superseded)
		if !l.Write(time.Now()) || lines() != 1 {
			t.Errorf("two nodes are taken over:\n%s", out.String())
		}
		l.Remind(time.Now())
		if lines() != 1 {
			t.Errorf("a reminder comes at once:\n%s", out.String())
		}
		time.Sleep(61 * time.Second)
		l.Remind(time.Now())
		if lines() != 2 || !strings.Contains(out.String(), `"count":2`) || !strings.Contains(out.String(), "held by 10.0.0.9:80") {
			t.Errorf("after a minute:\n%s", out.String())
		}
		change("a", lifecycle.Superseded, lifecycle.Left)
		change("b", lifecycle.Superseded, lifecycle.Left)
		if l.Write(time.Now()) || !strings.Contains(func() string { lines(); return out.String() }(), "this process has given up the nodes that were taken over") {
			t.Errorf("both have left:\n%s", out.String())
		}
		before := lines()
		time.Sleep(10 * time.Minute)
		if l.Remind(time.Now()); lines() != before {
			t.Errorf("reminders after the end:\n%s", out.String())
		}
	})
}
