package logs

import (
	"sync"
	"time"
)

// A Trouble is an Episode that several goroutines take part in, each at its own time.
// The zero value is ready.
type Trouble struct {
	mu      sync.Mutex
	episode Episode
}

// Failed is Episode.Failed, now.
func (t *Trouble) Failed(subject string) Note {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.episode.Failed(subject, time.Now())
}

// Since is when the first subject failed; zero while none fails.
func (t *Trouble) Since() time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.episode.Next().IsZero() {
		return time.Time{}
	}
	return t.episode.note.Since
}

// Recovered is Episode.Recovered, now.
func (t *Trouble) Recovered(subject string) Note {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.episode.Recovered(subject, time.Now())
}
