package cli

import (
	"testing"
	"time"
)

func TestDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 850*time.Millisecond + 400*time.Microsecond: "850ms", 12900 * time.Millisecond: "13s", 59600 * time.Millisecond: "1m", 999600 * time.Microsecond: "1s",
		1999 * time.Millisecond: "2s", time.Hour - 100*time.Millisecond: "1h", 24*time.Hour - time.Second: "1d",
		4*time.Minute + 20*time.Second: "4m20s", 30 * time.Minute: "30m", 3*time.Hour + 5*time.Minute + time.Second: "3h5m",
		52 * time.Hour: "2d4h", -2 * time.Second: "-2s",
	} {
		if got := Duration(d); got != want {
			t.Errorf("Duration(%v) = %s, want %s", d, got, want)
		}
	}
}
