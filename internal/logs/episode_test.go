package logs

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"
)

// TestEpisodeIsFewLines: an outage of 150 s that fails twice a second is a line
// when it begins, one a minute, and one when it ends.
func TestEpisodeIsFewLines(t *testing.T) {
	var e Episode
	began := time.Unix(1000, 0)
	if n := e.Recovered("", began); n != (Note{}) {
		t.Errorf("before anything failed: %+v", n)
	}
	var got []Note
	for at := time.Duration(0); at < 150*time.Second; at += 500 * time.Millisecond {
		if n := e.Failed("", began.Add(at)); n.Phase != Nothing {
			got = append(got, n)
		}
	}
	got = append(got, e.Recovered("", began.Add(150*time.Second)), e.Recovered("", began.Add(151*time.Second)))
	want := []Note{
		{Phase: Began, Since: began, Failures: 1, Subjects: 1},
		{Phase: Lasts, Since: began, Lasted: time.Minute, Failures: 121, Subjects: 1},
		{Phase: Lasts, Since: began, Lasted: 2 * time.Minute, Failures: 241, Subjects: 1},
		{Phase: Ended, Since: began, Lasted: 150 * time.Second, Failures: 300},
		{},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	again := began.Add(time.Hour)
	if n := e.Failed("", again); n != (Note{Phase: Began, Since: again, Failures: 1, Subjects: 1}) {
		t.Errorf("a second episode begins with %+v", n)
	}
}

// TestEpisodeEndsWithItsLastSubject: that one service answers while another does
// not is one episode, not many.
func TestEpisodeEndsWithItsLastSubject(t *testing.T) {
	var e Episode
	now := time.Unix(1000, 0)
	for _, step := range []struct {
		subject string
		failed  bool
		want    Phase
	}{
		{"a", true, Began},
		{"b", true, Nothing},
		{"a", false, Nothing},
		{"a", false, Nothing},
		{"a", true, Nothing},
		{"b", false, Nothing},
		{"c", false, Nothing},
		{"a", false, Ended},
		{"b", true, Began},
	} {
		now = now.Add(time.Second)
		note := e.Recovered
		if step.failed {
			note = e.Failed
		}
		if got := note(step.subject, now).Phase; got != step.want {
			t.Errorf("%s, failed %v: phase %v, want %v", step.subject, step.failed, got, step.want)
		}
	}
}

func TestNoteHasUnits(t *testing.T) {
	since := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	for note, want := range map[Note]string{
		{Phase: Began, Since: since, Failures: 1}:                                  `{"since":"2030-01-02T03:04:05Z"}`,
		{Phase: Ended, Since: since, Lasted: 1500 * time.Millisecond, Failures: 7}: `{"since":"2030-01-02T03:04:05Z","lasted":"1.5s","failed_attempts":7}`,
	} {
		var out bytes.Buffer
		l := zerolog.New(&out)
		l.Log().EmbedObject(note).Send()
		if got := string(bytes.TrimSpace(out.Bytes())); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// Where nothing tries again, the clock alone reminds: once a minute, and not within a
// minute after another line.
func TestEpisodeRemindsOnceAMinute(t *testing.T) {
	var e Episode
	began := time.Unix(1000, 0)
	if n := e.Remind(began); n != (Note{}) || !e.Next().IsZero() {
		t.Errorf("before anything failed: %+v, next %v", n, e.Next())
	}
	e.Failed("a", began)
	e.Failed("b", began)
	if n := e.Remind(began.Add(time.Minute - 1)); n != (Note{}) {
		t.Errorf("too soon: %+v", n)
	}
	want := Note{Phase: Lasts, Since: began, Lasted: time.Minute, Failures: 2, Subjects: 2}
	if n := e.Remind(e.Next()); n != want {
		t.Errorf("%+v, want %+v", n, want)
	}
	if n := e.Remind(began.Add(2*time.Minute - 1)); n != (Note{}) {
		t.Errorf("too soon after a line: %+v", n)
	}
	e.Recovered("a", began)
	e.Recovered("b", began)
	if n := e.Remind(began.Add(time.Hour)); n != (Note{}) {
		t.Errorf("after the end: %+v", n)
	}
}
