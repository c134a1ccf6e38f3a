package balance

import "time"

// Warmth returns the share of its calls that a node of an age gets in a slow start of d, in
// ten steps, and after how long that changes; 0 is never.
func Warmth(age, d time.Duration) (share float64, later time.Duration) {
	if age >= d {
		return 1, 0
	}
	const steps = 10
	step := max(d/steps, 1)
	done := age / step
	return float64(done+1) / steps, (done+1)*step - age
}
