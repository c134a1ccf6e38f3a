package discovery

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/internal/logs"
	"github.com/rollcall-go/rollcall/registry"
)

// A disk keeps snapshots of services in a folder. It owns one goroutine, which
// writes what has changed every saveEvery; beyond that each service is written when
// it is let go.
type disk struct {
	dir      string
	reporter *reporter
	tasks    sync.WaitGroup
	writing  chan struct{} // filled by those who write: a thread each

	files  atomic.Pointer[map[string]bool] // in the folder, when it was looked at last
	listed chan struct{}                   // closed when there are files

	unwritten, useless logs.Trouble // by service, for its lines in the log
}

const (
	// saveEvery is how often changes are written, and a quarter more at most.
	saveEvery = 10 * time.Second

	// savedAnew is how old the time in a file may grow where nothing changes.
	savedAnew = time.Hour

	// unfinished are the files that are being written, in a folder of ours.
	unfinished = "rollcall-*.tmp"

	// savedLast is the same for the file of a service that is let go.
	savedLast = time.Minute

	// closeWithin is how long Close waits for files, should the disk hang.
	closeWithin = 10 * time.Second

	// silence is how long a source may say nothing before the snapshot serves.
	silence = 500 * time.Millisecond
)

func newDisk(dir string, reporter *reporter) *disk {
	return &disk{dir: dir, reporter: reporter, writing: make(chan struct{}, 8), listed: make(chan struct{})}
}

// has tells whether there is a file of a service, as far as that can be said by now.
func (d *disk) has(ctx context.Context, name serviceName) bool {
	if d == nil {
		return false
	}
	if d.files.Load() == nil {
		t := time.NewTimer(silence)
		defer t.Stop()
		select {
		case <-d.listed:
		case <-ctx.Done():
		case <-t.C:
		}
	}
	files := d.files.Load()
	return files != nil && (*files)[snapshotFile(name)]
}

// list looks at the folder.
func (d *disk) list() []os.DirEntry {
	entries, _ := os.ReadDir(d.dir) // there may be no folder yet
	files := map[string]bool{}
	for _, e := range entries {
		files[e.Name()] = true
	}
	if d.files.Swap(&files) == nil {
		close(d.listed)
	}
	return entries
}

// sweep removes what processes left that died while they wrote.
func (d *disk) sweep(files []os.DirEntry, now time.Time) {
	for _, f := range files {
		if ours, _ := filepath.Match(unfinished, f.Name()); !ours {
			continue
		}
		if info, err := f.Info(); err == nil && now.Sub(info.ModTime()) > savedAnew {
			_ = os.Remove(filepath.Join(d.dir, f.Name())) // who may not, leaves it
		}
	}
}

// run writes what has changed of these services, until ctx ends.
func (d *disk) run(ctx context.Context, services *atomic.Pointer[map[serviceName]*service]) {
	d.sweep(d.list(), time.Now())
	for ctx.Err() == nil {
		wait(ctx, saveEvery+rand.N(saveEvery/4))
		for _, s := range *services.Load() {
			if ctx.Err() == nil {
				s.save(savedAnew)
			}
		}
		d.list()
	}
}

// close waits for what is being written.
func (d *disk) close() error {
	done := make(chan struct{})
	go func() { // ends with the writers
		d.tasks.Wait()
		close(done)
	}()
	t := time.NewTimer(closeWithin)
	defer t.Stop()
	select {
	case <-done:
		return nil
	case <-t.C:
		return fmt.Errorf("rollcall: close: snapshots in %s were not written within %v", d.dir, closeWithin)
	}
}

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

// write puts a file in the place of the one before, whole or not at all.
func (d *disk) write(name serviceName, data []byte) (err error) {
	d.writing <- struct{}{}
	defer func() { <-d.writing }()
	if err := os.MkdirAll(d.dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(d.dir, unfinished) // 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), filepath.Join(d.dir, snapshotFile(name)))
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

// load reads the file of a service; nil where there is none of use. It may be as
// old as that; 0 is no limit.
func (d *disk) load(name serviceName, age time.Duration) *snapshot {
	path := filepath.Join(d.dir, snapshotFile(name))
	data, err := readPlain(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var s *snapshot
	if err == nil {
		s, err = decodeSnapshot(data, name)
	}
	now := time.Now()
	if err == nil && age > 0 && now.Sub(s.Saved) > age {
		err = fmt.Errorf("%w: it was saved %v ago", ErrStale, now.Sub(s.Saved).Round(time.Second))
	}
	if err != nil {
		level := zerolog.InfoLevel
		if n := d.useless.Failed(name.String()); n.Phase != logs.Nothing {
			level = zerolog.WarnLevel
		}
		d.reporter.log(func(l *zerolog.Logger) {
			l.WithLevel(level).Err(inLine(err)).Str("file", path).Msg("rollcall: a snapshot is of no use, and ignored: remove the file, or let the next change of the service replace it")
		})
		return nil
	}
	if s.Saved.After(now) { // the clock was set back
		s.Saved = now
	}
	return s
}

// readPlain reads a file that is nothing but a file: no link, and nothing that
// would block whoever opens it.
func readPlain(path string) ([]byte, error) {
	found, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	switch {
	case !found.Mode().IsRegular():
		return nil, fmt.Errorf("%w: %v", errForeign, found.Mode().Type())
	case found.Size() > maxSnapshot:
		return nil, errTooLarge
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxSnapshot+1))
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
