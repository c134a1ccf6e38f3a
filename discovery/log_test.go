package discovery_test

import (
	"bytes"
	"sync"
	"testing/synctest"

	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/discovery"
)

// logged is an option that keeps what is logged, and the log, once all has been written:
// for a bubble of synctest.
func logged() (discovery.Option, func() string) {
	l := &lockedBuffer{}
	return discovery.Logger(zerolog.New(l)), func() string { synctest.Wait(); return l.String() }
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
