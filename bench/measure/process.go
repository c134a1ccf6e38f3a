// Package measure has what the benchmarks of several packages share: times from a write to
// its event, and the CPU time and heap of this process.
package measure

import (
	"runtime"
	"syscall"
	"time"
)

// CPU is the processor time that this process has used.
func CPU() time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		panic(err) // the call has no argument that could be wrong
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// Heap is what this process holds in its heap after a collection, in bytes.
func Heap() float64 {
	runtime.GC()
	runtime.GC() // what finalizers of the first one have freed
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}
