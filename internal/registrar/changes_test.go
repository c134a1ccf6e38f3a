package registrar

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/internal/errdefs"
	"github.com/rollcall-go/rollcall/internal/keys"
	"github.com/rollcall-go/rollcall/internal/lifecycle"
	"github.com/rollcall-go/rollcall/internal/redisconn"
	"github.com/rollcall-go/rollcall/internal/reporter"
)

// A noSink takes nothing.
type noSink struct{}

func (noSink) StateChanged(keys.Service, string, lifecycle.State, error) {}
func (noSink) Renewed(Round)                                             {}
func (noSink) Reaped(keys.Service, []string)                             {}

// A logged registrar has nodes and a log, and no Redis.
type logged struct {
	*Registrar
	out bytes.Buffer
	s   *service
}

func newLogged() *logged {
	t := &logged{}
	t.Registrar = New(&redisconn.Conn{Log: reporter.New(zerolog.New(&t.out))}, Options{}, noSink{})
	t.s = newService(keys.Space{}.Service("default", "shop"))
	return t
}

func (t *logged) node(id string) *node {
	return &node{service: t.s, id: id, Life: lifecycle.Life{State: lifecycle.Live, Confirmed: true}, reg: &registration{}, ttl: time.Second}
}

// log waits for the lines, and returns them.
func (t *logged) log(tb testing.TB) string {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), time.Minute)
	defer cancel()
	if err := t.c.Log.Wait(ctx); err != nil {
		tb.Fatal(err)
	}
	return t.out.String()
}

// A loss is logged also where other nodes change for another reason at the same time.
func TestALossBesideAnotherChangeIsLogged(t *testing.T) {
	r := newLogged()
	r.happens(r.node("a"), lifecycle.TakenOver, errors.New("taken"))
	r.happens(r.node("b"), lifecycle.Expired, errors.New("flushed"))
	r.logChanges()
	if log := r.log(t); !strings.Contains(log, "nodes are lost") || !strings.Contains(log, "another process") {
		t.Errorf("the log lacks the loss or the takeover:\n%s", log)
	}
}

// No line says that no node is lost any more while one is: another one that was lost
// since, or the same one that is withheld now.
func TestALossEndsWithItsLastNode(t *testing.T) {
	for name, next := range map[string]func(r *logged, a, b *node){
		"another is lost": func(r *logged, a, b *node) {
			r.happens(a, lifecycle.Renewed, nil)
			r.happens(b, lifecycle.Expired, errors.New("flushed"))
		},
		"its check fails": func(r *logged, a, _ *node) { r.happens(a, lifecycle.CheckFailed, errors.New("ill")) },
	} {
		t.Run(name, func(t *testing.T) {
			r := newLogged()
			a, b := r.node("a"), r.node("b")
			r.happens(a, lifecycle.Expired, errors.New("flushed"))
			r.logChanges()
			next(r, a, b)
			r.logChanges()
			if log := r.log(t); strings.Contains(log, "no node is lost any more") {
				t.Errorf("the log says that none is lost:\n%s", log)
			}
		})
	}
}

// A call that its caller gives up says nothing of Redis.
func TestACancelledCallEndsNoOutage(t *testing.T) {
	r := newLogged()
	r.c.Attempted("default/shop", context.DeadlineExceeded)
	r.c.Attempted("default/shop", context.Canceled)
	r.c.Attempted("default/shop", errdefs.ErrClosed)
	if log := r.log(t); strings.Count(log, "\n") != 1 {
		t.Errorf("more than the line of the loss:\n%s", log)
	}
	r.c.Attempted("default/shop", nil)
	if log := r.log(t); !strings.Contains(log, "contact with redis is back") {
		t.Errorf("no end:\n%s", log)
	}
}
