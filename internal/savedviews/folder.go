// Package savedviews keeps the last known nodes of services in a folder, one file for each
// service, so that a process which starts while Redis is away finds them.
package savedviews

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

	"github.com/rollcall-go/rollcall/internal/errdefs"
	"github.com/rollcall-go/rollcall/internal/listed"
	"github.com/rollcall-go/rollcall/internal/logs"
)

// A Folder holds the files of services. Run writes what has changed, every saveEvery; a
// service that is no longer followed is written by Last. Its methods may be called from many
// goroutines.
type Folder struct {
	dir     string
	log     func(write func(*zerolog.Logger))
	tasks   sync.WaitGroup
	writing chan struct{} // filled by those who write: a thread each

	files  atomic.Pointer[map[string]bool] // in the folder, when it was listed last
	listed chan struct{}                   // closed when there are files

	unwritten, unusable logs.Trouble // by service, for the lines of the log
}

const (
	// saveEvery is how often changes are written, and a quarter more at most.
	saveEvery = 10 * time.Second

	// refreshAfter is how old the time in a file may grow where nothing changes.
	refreshAfter = time.Hour

	// unfinished are the files that are being written, in a folder of ours.
	unfinished = "rollcall-*.tmp"

	// refreshLast is the same for the last file of a service.
	refreshLast = time.Minute

	// closeWithin is how long Close waits for files, should the disk hang.
	closeWithin = 10 * time.Second

	// Patience is how long a source may take to answer before the file of a service is
	// used, and how long Has waits for the list of files.
	Patience = 500 * time.Millisecond
)

// Open returns the folder of a path, which need not exist yet. log has a line written.
func Open(dir string, log func(write func(*zerolog.Logger))) *Folder {
	return &Folder{dir: dir, log: log, writing: make(chan struct{}, 8), listed: make(chan struct{})}
}

// Has says whether there is a file of a service. If the folder has not been listed yet, it
// waits for that, for Patience at most.
func (d *Folder) Has(ctx context.Context, name listed.Name) bool {
	if d.files.Load() == nil {
		t := time.NewTimer(Patience)
		defer t.Stop()
		select {
		case <-d.listed:
		case <-ctx.Done():
		case <-t.C:
		}
	}
	files := d.files.Load()
	return files != nil && (*files)[fileName(name)]
}

// list lists the files of the folder.
func (d *Folder) list() []os.DirEntry {
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

// sweep removes unfinished files of processes that died while they wrote.
func (d *Folder) sweep(files []os.DirEntry, now time.Time) {
	for _, f := range files {
		if ours, _ := filepath.Match(unfinished, f.Name()); !ours {
			continue
		}
		if info, err := f.Info(); err == nil && now.Sub(info.ModTime()) > refreshAfter {
			_ = os.Remove(filepath.Join(d.dir, f.Name())) // it stays if this user may not
		}
	}
}

// Run has save called every saveEvery, until ctx ends: it is to save every service by Save
// of its Copy, with that age.
func (d *Folder) Run(ctx context.Context, save func(age time.Duration)) {
	d.tasks.Go(func() {
		d.sweep(d.list(), time.Now())
		for ctx.Err() == nil {
			t := time.NewTimer(saveEvery + rand.N(saveEvery/4))
			select {
			case <-t.C:
			case <-ctx.Done():
			}
			t.Stop()
			save(refreshAfter)
			d.list()
		}
	})
}

// Close waits for what is being written, for closeWithin at most.
func (d *Folder) Close() error {
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
func (d *Folder) write(name listed.Name, data []byte) (err error) {
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
	return os.Rename(f.Name(), filepath.Join(d.dir, fileName(name)))
}

// Load reads the file of a service. It returns nil where there is no file, or one that cannot
// be used, which it logs. maxAge limits the age of what it holds; 0 is no limit.
func (d *Folder) Load(name listed.Name, maxAge time.Duration) *File {
	path := filepath.Join(d.dir, fileName(name))
	data, err := readPlain(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var s *File
	if err == nil {
		s, err = decode(data, name)
	}
	now := time.Now()
	if err == nil && maxAge > 0 && now.Sub(s.Saved) > maxAge {
		err = fmt.Errorf("view is too old: it was saved %v ago", now.Sub(s.Saved).Round(time.Second))
	}
	if err != nil {
		level := zerolog.InfoLevel
		if n := d.unusable.Failed(name.String()); n.Phase != logs.Nothing {
			level = zerolog.WarnLevel
		}
		d.log(func(l *zerolog.Logger) {
			l.WithLevel(level).Err(errdefs.OneLine(err)).Str("file", path).Msg("rollcall: a snapshot is of no use, and ignored: remove the file, or let the next change of the service replace it")
		})
		return nil
	}
	if s.Saved.After(now) { // the clock was set back
		s.Saved = now
	}
	return s
}

// readPlain reads a regular file: no link, and nothing that would block who opens it.
func readPlain(path string) ([]byte, error) {
	found, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	switch {
	case !found.Mode().IsRegular():
		return nil, fmt.Errorf("%w: %v", errForeign, found.Mode().Type())
	case found.Size() > maxSize:
		return nil, errTooLarge
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxSize+1))
}
