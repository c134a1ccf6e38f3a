package registry

import (
	"runtime"
	"testing"
	"weak"
)

// What Next has returned belongs to the caller: the watcher does not keep it in memory.
func TestAWatcherKeepsNoResult(t *testing.T) {
	w := newWatcher(t.Context(), nil)
	w.add(&Result{Revision: 1}, &Result{Revision: 2})
	returned := weak.Make(w.take())
	runtime.GC()
	if r := returned.Value(); r != nil {
		t.Errorf("the result of revision %d is kept", r.Revision)
	}
	if next := w.take(); next == nil || next.Revision != 2 {
		t.Errorf("the next result is %+v, want that of revision 2", next)
	}
}
