// Package budget limits how often calls are tried again.
package budget

import (
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// A Size says how many retries there are: one for each 1/Share calls, and PerSecond more
// each second.
type Size struct {
	Share     float64
	PerSecond int
}

// A Budget holds retries that may still be made. Calls add to it, retries are taken out,
// and what stays fades: to 1/e in the time of memory. All times are of one clock, which may
// begin anywhere.
//
// Source: Finagle's RetryBudget, with a memory that fades instead of a sliding window.
type Budget struct {
	size  Size
	calls atomic.Int64 // since at

	mu   sync.Mutex
	left float64
	at   time.Duration
}

const memory = 10 * time.Second

// New returns a Budget with what it holds when no call is made.
func New(size Size, now time.Duration) *Budget {
	return &Budget{size: size, at: now, left: float64(size.PerSecond) * memory.Seconds()}
}

// Call adds the share of one call.
func (b *Budget) Call() { b.calls.Add(1) }

// Take takes a retry out, if there is one.
func (b *Budget) Take(now time.Duration) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	passed := max(now-b.at, 0)
	b.left = faded(b.left, b.inflow(passed), passed)
	b.at += passed
	if b.left < 1 {
		return false
	}
	b.left--
	return true
}

// inflow returns what came in during a time. mu is held.
func (b *Budget) inflow(passed time.Duration) float64 {
	return b.size.Share*float64(b.calls.Swap(0)) + float64(b.size.PerSecond)*passed.Seconds()
}

// faded returns what a time leaves of a stock, and of an even inflow during that time.
func faded(stock, inflow float64, passed time.Duration) float64 {
	x := passed.Seconds() / memory.Seconds()
	if x == 0 {
		return stock + inflow
	}
	return stock*math.Exp(-x) - inflow*math.Expm1(-x)/x
}
