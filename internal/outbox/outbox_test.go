package outbox

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestCallsComeInOrderAndUnderNoMutex(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var o Outbox
		<-o.Idle()
		var got, want []int
		release := make(chan struct{})
		o.Add(func() { <-release }) // until all 100 wait
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
		close(release)
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

// A user's function that stays slow is worth a call of Dropped a minute, not one for
// each call that comes through.
func TestDroppedIsCalledOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var reported []int
		o := Outbox{Most: 1, Dropped: func(n int) { reported = append(reported, n) }}
		for range 150 {
			for range 3 {
				o.Add(func() { time.Sleep(time.Second) })
			}
			time.Sleep(time.Second)
		}
		<-o.Idle()
		if len(reported) != 3 {
			t.Errorf("Dropped was called %d times in 150 s: %v", len(reported), reported)
		}
		lost := 0
		for _, n := range reported {
			lost += n
		}
		if lost < 200 || lost > 2*150 {
			t.Errorf("%d calls were dropped, by the counts given to Dropped", lost)
		}
	})
}

func TestDroppedIsOptional(t *testing.T) {
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
