package outbox

import (
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
)

func TestCallsComeInOrderAndUnderNoMutex(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var o Outbox
		<-o.Idle()
		var got, want []int
		for i := range 100 {
			o.Add(func() {
				got = append(got, i)
				o.Add(func() { got = append(got, 100+i) })
			})
			want = append(want, i)
		}
		for i := range 100 {
			want = append(want, 100+i)
		}
		<-o.Idle()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

// Add does not wait for a call that blocks. The oldest calls are dropped, and
// Dropped learns of it before the next call.
func TestOldestCallsAreDroppedAndCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []int
		o := Outbox{Most: 3, Dropped: func(n int) { got = append(got, -n) }}
		release := make(chan struct{})
		o.Add(func() { <-release })
		synctest.Wait()
		for i := range 5 {
			o.Add(func() { got = append(got, i) })
		}
		close(release)
		<-o.Idle()
		if diff := cmp.Diff([]int{-2, 2, 3, 4}, got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

func TestNobodyNeedsToLearnOfDroppedCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []int
		o := Outbox{Most: 1}
		release := make(chan struct{})
		o.Add(func() { <-release })
		synctest.Wait()
		o.Add(func() { got = append(got, 1) })
		o.Add(func() { got = append(got, 2) })
		close(release)
		<-o.Idle()
		if diff := cmp.Diff([]int{2}, got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

// End waits for no call: the one that runs may be its caller.
func TestEndMakesNoFurtherCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := Outbox{Most: 1, Dropped: func(int) { t.Error("Dropped was called after End") }}
		o.Add(func() {
			for range 3 {
				o.Add(func() { t.Error("a call that waited was made after End") })
			}
			o.End()
			o.Add(func() { t.Error("a call was added after End") })
		})
		<-o.Idle()
		<-o.Idle()
	})
}
