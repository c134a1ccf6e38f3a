package balance

import "math/bits"

// A divisor finds remainders by multiplications: a division takes a fifth of a pick.
//
// Source: Lemire, Kaser and Kurz, "Faster remainder by direct computation", 2019.
type divisor struct {
	n       uint32
	inverse uint64 // 2^64/n, rounded up; 0 for 1
}

func newDivisor(n int) divisor { return divisor{uint32(n), ^uint64(0)/uint64(n) + 1} }

// rest returns the remainder of x.
func (d divisor) rest(x uint32) int {
	high, _ := bits.Mul64(d.inverse*uint64(x), uint64(d.n))
	return int(high)
}
