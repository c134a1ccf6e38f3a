package discovery

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/internal/logs"
	"github.com/rollcall-go/rollcall/registry"
)

// A copyOnDisk is what a service knows of its file.
type copyOnDisk struct {
	sought  bool        // it was read, or there was none of use; of follow
	changed atomic.Bool // the service has, perhaps, since it was written

	mu    sync.Mutex        // of who writes
	sum   [sha256.Size]byte // of what was written, but for the time
	saved time.Time
}

// save writes the service if it has changed, or if the time in its file is older
// than that.
func (s *service) save(age time.Duration) {
	c := &s.onDisk
	c.mu.Lock()
	defer c.mu.Unlock()
	changed := c.changed.Swap(false)
	snap := s.snapshot(time.Now())
	if snap == nil || !changed && snap.Saved.Sub(c.saved) < age {
		return
	}
	timeless := *snap
	timeless.Saved = time.Time{}
	data, err := timeless.encode()
	sum := sha256.Sum256(data)
	if err == nil && sum == c.sum && snap.Saved.Sub(c.saved) < age {
		return
	}
	if err == nil {
		data, err = snap.encode()
	}
	if err == nil {
		err = s.disk.write(s.name, data)
	}
	if err == nil {
		c.sum, c.saved = sum, snap.Saved
	} else {
		c.changed.Store(true)
	}
	s.wrote(err)
}

// snapshot returns what is shown of the service: nil where the source has not told
// of it yet, or it never existed.
func (s *service) snapshot(now time.Time) *snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.latest
	if v == nil || !s.saved.IsZero() || v.History == "" && len(s.shown) == 0 {
		return nil
	}
	if !v.StaleSince.IsZero() {
		now = v.StaleSince
	}
	return &snapshot{
		Namespace: s.name.namespace, Service: s.name.name, Saved: now.UTC().Round(0),
		Revision: v.Revision, History: v.History, Services: s.shown,
	}
}

// wrote logs, for all services together, when writing begins to fail, once a minute, and
// when it works again.
func (s *service) wrote(err error) {
	d, name := s.disk, s.name.String()
	if err == nil {
		d.useless.Recovered(name)
		if n := d.unwritten.Recovered(name); n.Phase == logs.Ended {
			s.reporter.log(func(l *zerolog.Logger) { l.Warn().EmbedObject(n).Msg("rollcall: snapshots are written again") })
		}
		return
	}
	if n := d.unwritten.Failed(name); n.Phase != logs.Nothing {
		s.log(zerolog.WarnLevel, func(e *zerolog.Event) {
			e.Err(inLine(err)).EmbedObject(n).Int("services", n.Subjects).
				Msg("rollcall: snapshots cannot be written: without them a start while Redis is away finds nothing; see the folder and its disk")
		})
	}
}

// restore shows the snapshot of a service that its source tells nothing of, unless
// that is final, and if there is one that MaxStale allows.
func (s *service) restore(why error) {
	for _, final := range []error{registry.ErrPermission, registry.ErrClosed, registry.ErrWatcherStopped, registry.ErrInvalid} {
		if errors.Is(why, final) {
			return
		}
	}
	if s.disk == nil || s.onDisk.sought || s.table.Load() != nil || s.ctx.Err() != nil {
		return
	}
	s.onDisk.sought = true
	snap := s.disk.load(s.name, s.o.maxStale)
	if snap == nil {
		return
	}
	if !errors.Is(why, registry.ErrUnavailable) {
		why = fmt.Errorf("%w: %w", registry.ErrUnavailable, why)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.saved = snap.Saved
	s.latest = &registry.View{
		Services: snap.Services, Revision: snap.Revision, History: snap.History, StaleSince: snap.Saved, Err: why,
	}
	s.build()
}
