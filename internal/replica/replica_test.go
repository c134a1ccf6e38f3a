package replica

import "testing"

// A service that was let go and is followed again shows no revision that is lower
// than one it showed before, in the same history.
func TestRecall(t *testing.T) {
	let := twoNodes()
	before := let.At()
	again := New()
	again.Recall(before)
	again.Begin()
	lagging := snap(before.Rev-3, nil, member(before.Rev-3, "a", 5, 1)) // of a replica that was promoted
	if v := again.Snapshot(lagging); v != Settled {
		t.Fatalf("outcome %d", v)
	}
	if at := again.At(); at.Rev != before.Rev || at.Epoch != before.Epoch {
		t.Errorf("at %v after %v", at, before)
	}
	if !New().Vacant() || let.Vacant() {
		t.Error("vacant with nodes, or not without")
	}
}
