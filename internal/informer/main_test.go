package informer

import (
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/internal/redisconn"
	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/internal/reporter"
)

func TestMain(m *testing.M) { redistest.Main(m) }

// open connects to a topology.
func open(t *testing.T, tp redistest.Topology) *redisconn.Conn {
	c, err := redisconn.Open(redisconn.Config{
		Addrs: tp.Addrs, MasterName: tp.MasterName, Cluster: tp.Cluster, Timeout: 10 * time.Second, Prefix: "informer",
	}, reporter.New(zerolog.Nop()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}
