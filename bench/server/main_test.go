package server

import (
	"testing"

	"github.com/rollcall-go/rollcall/bench/measure"
	"github.com/rollcall-go/rollcall/internal/redistest"
)

func TestMain(m *testing.M) { redistest.Main(m) }

// nodeID and record are those of all peers.
var (
	nodeID = measure.NodeID
	record = measure.Record
)
