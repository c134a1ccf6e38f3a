package registry

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/internal/redisconn"
	"github.com/rollcall-go/rollcall/internal/reporter"
)

// A teller is a registry of nothing but nodes and a log.
type teller struct {
	*Redis
	c   *conn
	out bytes.Buffer
	s   *service
}

func newTeller() *teller {
	t := &teller{Redis: NewRegistry()}
	l := zerolog.New(&t.out)
	t.c = &conn{Conn: &redisconn.Conn{Log: reporter.New(l)}, o: Options{Logger: l}}
	t.s = &service{namespace: "default", name: "shop", nodes: map[string]*node{}, batches: map[batchKey]*batch{}}
	return t
}

func (t *teller) node(id string) *node {
	return &node{service: t.s, id: id, state: Live, reg: &registration{}, ttl: time.Second, confirmed: true}
}

// log waits for what was told.
func (t *teller) log(tb testing.TB) string {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), time.Minute)
	defer cancel()
	if err := t.c.Log.Wait(ctx); err != nil {
		tb.Fatal(err)
	}
	return t.out.String()
}

// A loss is told also where other nodes change for another reason at the same time.
func TestALossBesideAnotherChangeIsTold(t *testing.T) {
	r := newTeller()
	r.become(r.c, r.node("a"), Superseded, errors.New("taken"))
	r.become(r.c, r.node("b"), Lost, errors.New("flushed"))
	r.tell(r.c)
	if log := r.log(t); !strings.Contains(log, "nodes are lost") || !strings.Contains(log, "another process") {
		t.Errorf("the log lacks the loss or the takeover:\n%s", log)
	}
}

// No line says that no node is lost any more while one is: another one that was lost
// since, or the same one that is withheld now.
func TestALossEndsWithItsLastNode(t *testing.T) {
	for name, next := range map[string]func(r *teller, a, b *node){
		"another is lost": func(r *teller, a, b *node) {
			r.become(r.c, a, Live, nil)
			r.become(r.c, b, Lost, errors.New("flushed"))
		},
		"its check fails": func(r *teller, a, _ *node) { r.become(r.c, a, Withheld, errors.New("ill")) },
	} {
		t.Run(name, func(t *testing.T) {
			r := newTeller()
			a, b := r.node("a"), r.node("b")
			r.become(r.c, a, Lost, errors.New("flushed"))
			r.tell(r.c)
			next(r, a, b)
			r.tell(r.c)
			if log := r.log(t); strings.Contains(log, "no node is lost any more") {
				t.Errorf("the log says that none is lost:\n%s", log)
			}
		})
	}
}

// A call that its caller gives up says nothing of Redis.
func TestACancelledCallEndsNoOutage(t *testing.T) {
	r := newTeller()
	r.c.Attempted("default/shop", context.DeadlineExceeded)
	r.c.Attempted("default/shop", context.Canceled)
	r.c.Attempted("default/shop", ErrClosed)
	if log := r.log(t); strings.Count(log, "\n") != 1 {
		t.Errorf("more than the line of the loss:\n%s", log)
	}
	r.c.Attempted("default/shop", nil)
	if log := r.log(t); !strings.Contains(log, "contact with redis is back") {
		t.Errorf("no end:\n%s", log)
	}
}
