package discovery

import (
	"context"
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
