package savedviews

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
)

// Close waits for a disk that hangs, but not for ever.
func TestDiskHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := Open(t.TempDir(), func(func(*zerolog.Logger)) {})
		on := make(chan struct{})
		d.tasks.Go(func() { <-on })
		began := time.Now()
		if err := d.Close(); err == nil || time.Since(began) != closeWithin {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		close(on)
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
}
