package redistest

import (
	"context"
	"fmt"
	"testing"
	"time"
)

const (
	limit   = time.Minute           // of any wait, for the slowest machine: Sentinel alone takes 15 s to settle
	attempt = 2 * time.Second       // of one try within a wait: a stopped server never answers
	pause   = 10 * time.Millisecond // between two tries
)

// await tries cond until it returns nil. After limit it returns cond's last error.
func await(what string, cond func(context.Context) error) error {
	deadline := time.Now().Add(limit)
	for {
		ctx, cancel := context.WithTimeout(context.Background(), attempt)
		err := cond(ctx)
		cancel()
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("redistest: %s: not within %v: %w", what, limit, err)
		}
		<-time.After(pause)
	}
}

// mustAwait is await for what a test cannot do without.
func mustAwait(t testing.TB, what string, cond func(context.Context) error) {
	t.Helper()
	if err := await(what, cond); err != nil {
		t.Fatal(err)
	}
}

// must runs op once, with limit for a deadline.
func must(t testing.TB, what string, op func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if err := op(ctx); err != nil {
		t.Fatalf("redistest: %s: %v", what, err)
	}
}
