package registry_test

import (
	"flag"
	"testing"

	"github.com/rollcall-go/rollcall/internal/redistest"
)

// TestMain stops the shared servers and looks for leaked goroutines. Parallel
// tests here wait for leases far more than they compute, so more of them run at
// once than there are cores, unless -parallel says otherwise.
func TestMain(m *testing.M) {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given {
		_ = flag.Set("test.parallel", "8")
	}
	redistest.Main(m)
}
