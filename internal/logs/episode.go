package logs

import (
	"time"

	"github.com/rs/zerolog"
)

// RepeatEvery is how often a trouble that lasts is logged again.
const RepeatEvery = time.Minute

// An Episode is a trouble that lasts, such as an outage, of one or several
// subjects. It begins when the first of them fails and ends when the last of
// them has recovered. It says what is worth a line, and writes none: its owner
// writes it, after unlocking. The zero value is ready.
//
// An Episode has no lock: it belongs to one goroutine, or to its owner's mutex.
type Episode struct {
	failing  map[string]bool
	note     Note
	loggedAt time.Time
}

// A Phase is what is worth a line about an episode.
type Phase int

const (
	Nothing Phase = iota // no line
	Began                // the first failure
	Lasts                // a further failure, RepeatEvery after the last line
	Ended                // all have recovered
)

// A Note is what one line says of an episode.
type Note struct {
	Phase    Phase
	Since    time.Time     // the first failure
	Lasted   time.Duration // from then until now
	Failures int           // so far
	Subjects int           // that fail now; at the end, 0
}

// Failed notes that a subject failed. Where an episode has one subject, its name
// may be empty.
func (e *Episode) Failed(subject string, now time.Time) Note {
	phase := Nothing
	switch {
	case len(e.failing) == 0:
		e.failing, e.note, phase = map[string]bool{}, Note{Since: now}, Began
	case now.Sub(e.loggedAt) >= RepeatEvery:
		phase = Lasts
	}
	e.failing[subject] = true
	e.note.Failures++
	return e.say(phase, now)
}

// Recovered notes that a subject is well, or of no interest any more. It costs
// next to nothing while nothing fails.
func (e *Episode) Recovered(subject string, now time.Time) Note {
	if !e.failing[subject] {
		return Note{}
	}
	delete(e.failing, subject)
	if len(e.failing) > 0 {
		return Note{}
	}
	return e.say(Ended, now)
}

// Remind is Failed without a further failure: where nothing tries again, the clock alone
// says that the episode lasts.
func (e *Episode) Remind(now time.Time) Note {
	if next := e.Next(); next.IsZero() || next.After(now) {
		return Note{}
	}
	return e.say(Lasts, now)
}

// Next is when Remind is worth a line; zero while nothing fails.
func (e *Episode) Next() time.Time {
	if len(e.failing) == 0 {
		return time.Time{}
	}
	return e.loggedAt.Add(RepeatEvery)
}

func (e *Episode) say(phase Phase, now time.Time) Note {
	if phase != Nothing {
		e.loggedAt = now
	}
	n := e.note
	n.Phase, n.Lasted, n.Subjects = phase, now.Sub(n.Since), len(e.failing)
	return n
}

// MarshalZerologObject adds since when; after the first line also for how long and
// how many failures. Use it with Event.EmbedObject.
func (n Note) MarshalZerologObject(e *zerolog.Event) {
	e.Str("since", n.Since.Format(time.RFC3339))
	if n.Phase != Began {
		e.Stringer("lasted", n.Lasted.Round(time.Millisecond)).Int("failed_attempts", n.Failures)
	}
}
