package logs

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestDefaultIsOneReadableLine: also where an error or a field has line breaks.
func TestDefaultIsOneReadableLine(t *testing.T) {
	out := stderr(t, func() {
		l := Default()
		l.Info().Msg("is not worth it")
		l.Warn().Err(errors.Join(errors.New("one"), errors.New("two"))).Str("service", "a\nb").
			Stringer("after", 1500*time.Millisecond).Int("nodes", 3).Msg("rollcall: contact lost")
	})
	want := `^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\S* WRN rollcall: contact lost error="one\\ntwo" after=1.5s nodes=3 service="a\\nb"\n$`
	if !regexp.MustCompile(want).MatchString(out) {
		t.Errorf("logged\n%q, want\n%s", out, want)
	}
}

// stderr returns what f writes to standard error.
func stderr(t *testing.T, f func()) string {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func(old *os.File) { os.Stderr = old }(os.Stderr)
	os.Stderr = w
	f()
	_ = w.Close()
	out, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func TestFromSlogKeepsLevelsAndFields(t *testing.T) {
	var out bytes.Buffer
	l := FromSlog(slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug - 4})))
	for _, level := range []zerolog.Level{
		zerolog.TraceLevel, zerolog.DebugLevel, zerolog.InfoLevel, zerolog.WarnLevel, zerolog.ErrorLevel,
	} {
		l.WithLevel(level).Err(errors.New("why")).Str("service", "a").Strs("nodes", []string{"n"}).
			Stringer("after", time.Second).Int64("big", 1<<62).Float64("part", 0.5).Bool("on", true).
			Time("at", time.Now()).Msg("text")
	}
	l.Log().Msg("no level")
	var levels []string
	for line := range strings.Lines(out.String()) {
		var rec map[string]any
		d := json.NewDecoder(strings.NewReader(line))
		d.UseNumber()
		if err := d.Decode(&rec); err != nil {
			t.Fatal(err)
		}
		levels = append(levels, rec["level"].(string))
		if rec["msg"] == "no level" {
			continue
		}
		delete(rec, "time")
		delete(rec, "level")
		delete(rec, "at")
		want := map[string]any{
			"msg": "text", "error": "why", "service": "a", "nodes": []any{"n"}, "after": "1s",
			"big": json.Number("4611686018427387904"), "part": json.Number("0.5"), "on": true,
		}
		if diff := cmp.Diff(want, rec); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}
	if diff := cmp.Diff([]string{"DEBUG-4", "DEBUG", "INFO", "WARN", "ERROR", "INFO"}, levels); diff != "" {
		t.Errorf("levels -want +got:\n%s", diff)
	}
}

// TestFromSlogHeedsTheLevel: that of the slog.Logger, not one of ours.
func TestFromSlogHeedsTheLevel(t *testing.T) {
	var out bytes.Buffer
	l := FromSlog(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelWarn})))
	l.Info().Msg("info")
	l.Warn().Msg("warning")
	if got := out.String(); strings.Contains(got, "info") || !strings.Contains(got, "msg=warning") {
		t.Errorf("logged %q", got)
	}
}

func TestFromSlogOfNilIsDefault(t *testing.T) {
	out := stderr(t, func() {
		l := FromSlog(nil)
		l.Warn().Msg("text")
	})
	if !strings.Contains(out, "WRN text") {
		t.Errorf("logged %q", out)
	}
}
