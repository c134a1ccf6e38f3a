package registry_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// count returns how many lines of the log hold a text.
func (l *logBuffer) count(text string) int { return strings.Count(l.String(), text) }

// TestOutageIsTwoLines: an outage of many services is a line when it begins and one
// when it ends, whatever fails meanwhile. The nodes that were lost are one line, and
// one when they are back.
func TestOutageIsTwoLines(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	proxy := redistest.StartProxy(t, server.Addr())
	log, rounds := &logBuffer{}, newRounds()
	r := open(t, at(proxy), registry.Logger(zerolog.New(log).Level(zerolog.WarnLevel)), rounds.option(),
		registry.TTL(2*time.Second), registry.Interval(300*time.Millisecond), registry.PollInterval(200*time.Millisecond))
	states := newStates()
	for i := range 10 {
		register(t, r, service(fmt.Sprint("s", i), node("a"), node("b")))
	}
	register(t, r, service("shop", node("a")), states.option())
	states.next(t, registry.Live)
	watch(t, r, registry.WatchService("shop")).expect("create /a")

	proxy.Cut()
	states.next(t, registry.Lost)
	rounds.bad(t, 5)
	proxy.Heal()
	states.next(t, registry.Live)
	eventually(t, patience, func() error {
		if log.count("no node is lost any more") == 0 || log.count("contact with redis is back") == 0 {
			return errors.New("the end is not logged")
		}
		return nil
	})
	rounds.good(t, 2)
	if n := log.count("contact with redis is lost"); n != 1 {
		t.Errorf("%d lines of a lost contact, want 1", n)
	}
	if lines := strings.Count(log.String(), "\n"); lines != 4 { // contact and nodes: lost, and back
		t.Errorf("%d lines for one outage, want 4", lines)
	}
	for line := range strings.Lines(log.String()) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatal(err)
		}
		for name, value := range fields {
			if _, number := value.(float64); number && name != "services" && name != "failed_attempts" {
				t.Errorf("%s=%v has no unit: %s", name, value, line)
			}
		}
		if fields["since"] == nil && fields["state"] == nil {
			t.Errorf("no word of since when: %s", line)
		}
	}
	if t.Failed() {
		t.Log(log.String())
	}
}

// TestLossByRedisIsLogged: after a flush no node is lost any more within an interval.
// OnState gets both states, and the log has one line.
func TestLossByRedisIsLogged(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	log, states := &logBuffer{}, newStates()
	r := open(t, at(server), registry.Logger(zerolog.New(log).Level(zerolog.WarnLevel)))
	s := fleet("shop", 20)
	register(t, r, s, states.option())
	states.next(t, registry.Live)
	if err := server.Client().FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	if err := states.next(t, registry.Lost); err == nil || !strings.Contains(err.Error(), "redis has lost the node") {
		t.Errorf("lost because of %v", err)
	}
	states.next(t, registry.Live)
	eventually(t, patience, func() error {
		if log.count("redis had lost nodes") == 0 {
			return errors.New("the end is not logged")
		}
		return nil
	})
	if lines := strings.Count(log.String(), "\n"); lines != 1 || log.count("shop-00000") != 1 {
		t.Errorf("%d lines of 20 nodes that were lost and are back, want one that names them:\n%s", lines, log.tail(30))
	}
}

// TestSlogReceivesTheLog: with the level that its handler takes.
func TestSlogReceivesTheLog(t *testing.T) {
	t.Parallel()
	log := &logBuffer{}
	server := redistest.Start(t)
	r := open(t, at(server), registry.Slog(slog.New(slog.NewTextHandler(log, nil))))
	register(t, r, service("shop", node("a")))
	eventually(t, patience, func() error {
		if want := `level=INFO msg="rollcall: nodes are registered"`; !strings.Contains(log.String(), want) {
			return fmt.Errorf("logged %q, want %s", log.String(), want)
		}
		return nil
	})
}

// TestStandardErrorByDefault runs this test program again, with Redis away: warnings
// go to standard error, and silence is silent, but for what go-redis says of dials.
func TestStandardErrorByDefault(t *testing.T) {
	if mode := os.Getenv("ROLLCALL_LOG_TEST"); mode != "" {
		speak(t, mode)
		return
	}
	t.Parallel()
	for mode, want := range map[string]bool{"default": true, "silent": false} {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestStandardErrorByDefault$")
		cmd.Env = append(os.Environ(), "ROLLCALL_LOG_TEST="+mode)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		if out, err := cmd.Output(); err != nil {
			t.Fatalf("%s: %v\n%s%s", mode, err, out, stderr.String())
		}
		lines := 0
		for line := range strings.Lines(stderr.String()) {
			lines++
			if !strings.Contains(line, " WRN rollcall: ") {
				t.Errorf("%s: unexpected line %q", mode, line)
			}
		}
		if lines > 0 != want {
			t.Errorf("%s: %d lines on standard error:\n%s", mode, lines, stderr.String())
		}
	}
}

// speak is what the program of TestStandardErrorByDefault does.
func speak(t *testing.T, mode string) {
	const nowhere = "127.0.0.1:1"
	opts := []registry.Option{registry.Addrs(nowhere), registry.Timeout(time.Second)}
	if mode == "silent" {
		opts = append(opts, registry.Logger(zerolog.Nop()))
	}
	r := registry.NewRegistry(opts...)
	if err := r.Register(t.Context(), service("shop", node("a")), registry.RegisterRetry()); err != nil {
		t.Error(err)
	}
	_ = r.Close(t.Context())
}
