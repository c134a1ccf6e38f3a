package cli

import (
	"fmt"
	"time"
)

// Duration returns a duration for people, rounded to two units: 850ms, 12s, 4m20s, 3h5m, 2d4h.
func Duration(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < 0:
		return "-" + Duration(-d)
	case d < time.Second-time.Millisecond/2:
		return d.Round(time.Millisecond).String()
	case d < time.Minute-time.Second/2:
		return d.Round(time.Second).String()
	case d < time.Hour-time.Second/2:
		return two(d, time.Minute, "m", time.Second, "s")
	case d < day-time.Minute/2:
		return two(d, time.Hour, "h", time.Minute, "m")
	}
	return two(d, day, "d", time.Hour, "h")
}

func two(d, big time.Duration, bigName string, small time.Duration, smallName string) string {
	d = d.Round(small)
	text := fmt.Sprint(int64(d/big), bigName)
	if rest := d % big / small; rest > 0 {
		text += fmt.Sprint(int64(rest), smallName)
	}
	return text
}

// Time returns a point in time for people, in UTC; "" for the zero time.
func Time(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}
