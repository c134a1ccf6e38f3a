package balance

import (
	"fmt"
	"testing"
)

// What a change of the nodes costs each balancer.
func BenchmarkPicker(b *testing.B) {
	for _, balancer := range everyPolicy {
		for _, n := range []int{10, 10_000} {
			b.Run(fmt.Sprintf("%v/%d", balancer, n), func(b *testing.B) {
				members := crowd(n, 10, 15, 20)
				b.ReportAllocs()
				for b.Loop() {
					balancer.Picker(members)
				}
			})
		}
	}
}
