package actor

import (
	"math/rand/v2"
	"time"

	"github.com/cenkalti/backoff/v4"
)

// Retries is how what is due once an interval is tried again after a failure: soon,
// then more slowly, without end. The longest wait, with its random part, is two thirds
// of an interval. With an attempt that hangs for a third that makes an interval, and so
// half a TTL at most, which is what readers and reapers allow for.
func Retries(interval time.Duration) *backoff.ExponentialBackOff {
	return backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(min(interval/10, 200*time.Millisecond)),
		backoff.WithMaxInterval(time.Duration(float64(interval)*2/3/(1+backoff.DefaultRandomizationFactor))),
		backoff.WithMaxElapsedTime(0),
	)
}

// Shortened is an interval less a random tenth at most, so that processes that started
// together do not stay together. It is never longer.
func Shortened(interval time.Duration) time.Duration {
	return interval - rand.N(interval/10+1)
}

// Earlier returns the earlier of two times.
func Earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// Later returns the later of two times.
func Later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// Sooner is Earlier for times of which a zero one means never.
func Sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
