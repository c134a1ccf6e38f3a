package discovery_test

import (
	"testing/synctest"

	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/internal/redistest"
)

// logged is an option that keeps what is logged, and the log, once all has been written:
// for synctest.
func logged() (discovery.Option, func() string) {
	l := &redistest.Buffer{}
	return discovery.Logger(zerolog.New(l)), func() string { synctest.Wait(); return l.String() }
}
