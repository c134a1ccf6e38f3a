package hertzadapter

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-go/rollcall/registry"
)

// What a watcher sees of a server's end, and when; and what old clients do.
func TestDrainAsOthersSeeIt(t *testing.T) {
	each(t, func(t *testing.T, url string) {
		const drain = 1500 * time.Millisecond
		old := oldPackage{c: clientOf(t, url)}
		w, err := connect(t, url).Watch(t.Context(), registry.WatchService("shop"))
		must(t, err)
		defer w.Stop()
		var drained, gone time.Time
		next := func(when *time.Time) string {
			res, err := w.Next()
			must(t, err)
			*when = time.Now()
			return fmt.Sprint(res.Action, " ", res.Service.Nodes[0].Status)
		}

		h := serve(t, "one", NewRedisRegistry(hostOf(url), WithDrain(drain)), nil)
		h.up(t)
		old.finds(t, h.addr)
		var created time.Time
		got := []string{next(&created)}
		h.shut <- nil
		got = append(got, next(&drained))
		if addrs := old.addresses(t); addrs != nil {
			t.Errorf("while it drains, old clients find %v", addrs)
		}
		if res, err := http.Get("http://" + h.addr); err != nil {
			t.Errorf("while it drains, it does not serve: %v", err)
		} else {
			_ = res.Body.Close()
		}
		http.DefaultClient.CloseIdleConnections()
		got = append(got, next(&gone))
		want := []string{"create up", "update draining", "delete draining"}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("a watcher saw (-want +got):\n%s", d)
		}
		if took := gone.Sub(drained); took < drain-100*time.Millisecond {
			t.Errorf("the server was gone %v after it began to drain, want %v", took, drain)
		}
	})
}
