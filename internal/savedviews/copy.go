package savedviews

import (
	"crypto/sha256"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/internal/errdefs"
	"github.com/rollcall-go/rollcall/internal/listed"
	"github.com/rollcall-go/rollcall/internal/logs"
)

// A Copy is what is known of the file of one service. Make it with Folder.Copy.
type Copy struct {
	folder  *Folder
	name    listed.Name
	label   func(*zerolog.Event)      // names the service in a line of the log
	read    func(now time.Time) *File // what to save; nil: nothing
	changed atomic.Bool               // since it was written, perhaps

	mu    sync.Mutex        // of the goroutine that writes
	sum   [sha256.Size]byte // of what was written, without its time
	saved time.Time
}

// Copy returns the Copy of a service. read returns what to save now, nil for nothing; label
// adds the service to a line of the log.
func (d *Folder) Copy(name listed.Name, read func(now time.Time) *File, label func(*zerolog.Event)) *Copy {
	return &Copy{folder: d, name: name, read: read, label: label}
}

// Changed notes that the service may have changed.
func (c *Copy) Changed() { c.changed.Store(true) }

// Save writes the service if it has changed, or if the time in its file is older than age.
func (c *Copy) Save(age time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	changed := c.changed.Swap(false)
	file := c.read(time.Now())
	if file == nil || !changed && file.Saved.Sub(c.saved) < age {
		return
	}
	timeless := *file
	timeless.Saved = time.Time{}
	data, err := timeless.encode()
	sum := sha256.Sum256(data)
	if err == nil && sum == c.sum && file.Saved.Sub(c.saved) < age {
		return
	}
	if err == nil {
		data, err = file.encode()
	}
	if err == nil {
		err = c.folder.write(c.name, data)
	}
	if err == nil {
		c.sum, c.saved = sum, file.Saved
	} else {
		c.changed.Store(true)
	}
	c.written(err)
}

// Last saves the service for the last time, in a goroutine that Close of the folder waits
// for.
func (c *Copy) Last() {
	c.folder.tasks.Go(func() {
		c.Save(refreshLast)
		c.folder.unwritten.Recovered(c.name.String()) // the service is not followed any more
	})
}

// written logs, for all services together, when writing begins to fail, once a minute, and
// when it works again.
func (c *Copy) written(err error) {
	d, name := c.folder, c.name.String()
	if err == nil {
		d.unusable.Recovered(name)
		if n := d.unwritten.Recovered(name); n.Phase == logs.Ended {
			d.log(func(l *zerolog.Logger) { l.Warn().EmbedObject(n).Msg("rollcall: snapshots are written again") })
		}
		return
	}
	if n := d.unwritten.Failed(name); n.Phase != logs.Nothing {
		d.log(func(l *zerolog.Logger) {
			l.Warn().Func(c.label).Err(errdefs.OneLine(err)).EmbedObject(n).Int("services", n.Subjects).
				Msg("rollcall: snapshots cannot be written: without them a start while Redis is away finds nothing; see the folder and its disk")
		})
	}
}
