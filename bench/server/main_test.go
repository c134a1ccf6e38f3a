package server

import (
	"fmt"
	"strings"
	"testing"

	"github.com/rollcall-go/rollcall/internal/redistest"
)

func TestMain(m *testing.M) { redistest.Main(m) }

// record is what the peers store for a node.
var (
	padding = strings.Repeat("x", 200)
	record  = `{"address":"10.0.0.1:8080","metadata":{"m":"` + padding + `"}}`
)

func nodeID(i int) string { return fmt.Sprintf("10.0.%d.%d:8080", i/250, i%250) }
