package views

import (
	"errors"
	"fmt"
	"time"

	"github.com/rollcall-go/rollcall/internal/savedviews"
	"github.com/rollcall-go/rollcall/registry"
)

// snapshot returns what to save of the service: nil if the source has not answered yet, or
// the service has never existed.
func (s *Service) snapshot(now time.Time) *savedviews.File {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.latest
	if v == nil || !s.saved.IsZero() || v.History == "" && len(s.shown) == 0 {
		return nil
	}
	if !v.StaleSince.IsZero() {
		now = v.StaleSince
	}
	return &savedviews.File{
		Namespace: s.name.Namespace, Service: s.name.Service, Saved: now.UTC().Round(0),
		Revision: v.Revision, History: v.History, Services: s.shown,
	}
}

// restore shows the file of a service whose source has no view for it, unless the reason is
// final, and if there is a file that MaxStale allows.
func (s *Service) restore(why error) {
	for _, final := range []error{registry.ErrPermission, registry.ErrClosed, registry.ErrWatcherStopped, registry.ErrInvalid} {
		if errors.Is(why, final) {
			return
		}
	}
	if s.file == nil || s.sought || s.table.Load() != nil || s.ctx.Err() != nil {
		return
	}
	s.sought = true
	file := s.hub.folder.Load(s.name, s.hub.c.MaxStale)
	if file == nil {
		return
	}
	if !errors.Is(why, registry.ErrUnavailable) {
		why = fmt.Errorf("%w: %w", registry.ErrUnavailable, why)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.saved = file.Saved
	s.latest = &registry.View{
		Services: file.Services, Revision: file.Revision, History: file.History, StaleSince: file.Saved, Err: why,
	}
	s.build()
}
