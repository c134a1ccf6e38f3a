package top

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/internal/cli"
	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

func newRegistry(t testing.TB, s *redistest.Server) *registry.Redis {
	r := registry.NewRegistry(registry.URL(s.URL()), registry.Logger(zerolog.Nop()))
	t.Cleanup(func() { _ = r.Close(context.Background()) })
	return r
}

func nodesOf(n int) *registry.Service {
	s := &registry.Service{Name: "shop", TTL: time.Hour}
	for i := range n {
		s.Nodes = append(s.Nodes, &registry.Node{ID: fmt.Sprint("node-", i), Address: "10.0.0.1:80"})
	}
	return s
}

// The table is drawn in place, shows changes, and leaves the terminal as it was.
func TestShow(t *testing.T) {
	server := redistest.Start(t)
	r, other := newRegistry(t, server), newRegistry(t, server)
	ctx, cancel := context.WithCancel(t.Context())
	b := newBoard(r)
	defer b.followers.Wait()
	defer cancel()
	if err := b.start(ctx); err != nil {
		t.Fatal(err)
	}
	out, done := new(redistest.Buffer), make(chan error, 1)
	f := &flags{interval: 10 * time.Millisecond, sort: "name", output: new(cli.Output)}
	if err := f.output.Set("table"); err != nil {
		t.Fatal(err)
	}
	go func() { done <- f.show(ctx, b, screen{out}, "here") }()
	await := func(part string) {
		t.Helper()
		for deadline := time.Now().Add(20 * time.Second); ; <-time.After(5 * time.Millisecond) {
			_, last, _ := strings.Cut(lastFrame(out.String()), "shop ")
			if strings.Contains(strings.Join(strings.Fields(last), " "), part) {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("no %q in %q", part, lastFrame(out.String()))
			}
		}
	}
	s := nodesOf(3)
	if err := other.Register(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	await("3 3 0 0 0.0 0.0 0.0 live")
	s.Nodes[0].Status = registry.Draining
	if err := other.Register(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	await("3 2 1 0 0.0 0.0 0.0 live")
	if err := other.Deregister(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	await("0 0 0 0 0.0 0.0 0.0 live")
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if text := out.String(); !strings.HasPrefix(text, enter+home) || !strings.HasSuffix(text, leave) || strings.Count(text, enter) != 1 {
		t.Errorf("%q", text)
	}
}

// lastFrame is the last one that was drawn to its end.
func lastFrame(text string) string {
	end := strings.LastIndex(text, below)
	if end < 0 {
		return ""
	}
	return text[strings.LastIndex(text[:end], home)+len(home) : end]
}

// What is shown fits into the terminal, and holds no escape sequence of a name.
func TestLinesFit(t *testing.T) {
	f := &flags{output: new(cli.Output)}
	if err := f.output.Set("table"); err != nil {
		t.Fatal(err)
	}
	rows := []row{{Service: "a\x1b[2J" + strings.Repeat("long", 30), Health: "live"}, {Service: "b"}, {Service: "c"}}
	lines := f.lines("here", time.Now(), rows, 40, 6)
	if len(lines) != 6-1 && len(lines) != 6 {
		t.Errorf("%d lines", len(lines))
	}
	text := string(bytes.Join(lines, []byte("\n")))
	if strings.Contains(text, "\x1b") || !strings.Contains(text, "1 below") {
		t.Errorf("%q", text)
	}
	for _, line := range lines {
		if n := len([]rune(string(line))); n > 40 {
			t.Errorf("%d wide: %q", n, line)
		}
	}
}

// From the start to the first table of 10,000 nodes.
func BenchmarkFirstTable10000(b *testing.B) {
	server := redistest.Start(b)
	if err := newRegistry(b, server).Register(b.Context(), nodesOf(10000), registry.RegisterManual()); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		r := newRegistry(b, server)
		ctx, cancel := context.WithCancel(b.Context())
		board := newBoard(r)
		err := errors.Join(board.start(ctx), board.ready(ctx))
		rows, failed := board.rows(time.Now(), orders["name"])
		cancel()
		board.followers.Wait()
		if err = errors.Join(err, failed, r.Close(b.Context())); err != nil || len(rows) != 1 || rows[0].Nodes != 10000 {
			b.Fatal(rows, err)
		}
	}
}
