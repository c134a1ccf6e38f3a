package replica

import (
	"testing"
	"time"

	"github.com/rollcall-go/rollcall/internal/record"
)

// FuzzReplica gives a replica any inputs, in any order, and checks that what
// it shows follows from its changes.
func FuzzReplica(f *testing.F) {
	f.Add([]byte("\x00\x01\x02\x03\x04\x05\x06\x07"))
	f.Add([]byte("b0e1e2m3p4s5e6e7q8x9"))
	f.Add([]byte{0, 10, 1, 11, 3, 12, 2, 10, 5, 9, 6, 200, 7, 11, 4, 1})
	f.Fuzz(func(t *testing.T, input []byte) {
		r, shown := New(), map[string]string{}
		for i := 0; i+3 < len(input); i += 4 {
			fuzzInput(r, input[i], uint64(input[i+1]%16), input[i+2], input[i+3])
			for _, c := range r.Changes() {
				if _, there := shown[c.Node.ID]; there == (c.Action == Create) {
					t.Fatalf("input %d: action %d of %s, shown %v", i, c.Action, c.Node.ID, there)
				}
				shown[c.Node.ID] = c.Node.data
				if c.Action == Delete {
					delete(shown, c.Node.ID)
				}
			}
			refused := len(r.lives)
			for _, h := range r.holds {
				if !h.aliveAt.IsZero() {
					refused++
				}
			}
			if refused != r.refused || refused == 0 && r.Refusal() != (Refusal{}) {
				t.Fatalf("input %d: %d nodes are held for a refusal, counted %d, %v", i, refused, r.refused, r.Refusal())
			}
			for id := range r.lives {
				if !r.Shows(id) {
					t.Fatalf("input %d: %s lives and is no member", i, id)
				}
			}
			nodes := r.Nodes()
			if len(nodes) != len(shown) {
				t.Fatalf("input %d: %d nodes shown, %d by the changes", i, len(nodes), len(shown))
			}
			for _, n := range nodes {
				if shown[n.ID] != n.data {
					t.Fatalf("input %d: %s is shown as %q, by the changes %q", i, n.ID, n.data, shown[n.ID])
				}
			}
		}
	})
}

// fuzzInput makes one input of four bytes.
func fuzzInput(r *Replica, kind byte, rev uint64, x, y byte) {
	ids, payloads := []string{"a", "b", "c", ""}, []string{dataOf("a", 1), dataOf("a", 2), weighs(3), "?", ""}
	id, payload, lease := ids[x%4], payloads[y%5], int64(y%3)
	switch kind % 10 {
	case 0, 1:
		k := []record.Kind{record.Put, record.Set, record.Del, record.Exp, "?"}[x/4%5]
		e := change(max(rev, 1), k, id, lease, payload)
		if y > 200 {
			e.Prev = tagOf(uint64(x % 16))
		}
		r.Event(e)
	case 2:
		r.Begin()
	case 3, 4:
		s := snap(rev, logOf(del(rev, "a", lease), exp(rev, id)))
		s.After = pointOf(rev + uint64(y%2))
		for i, id := range ids[:x%4] {
			s.Members = append(s.Members, Member{ID: id, Lease: leaseOf(lease), Rev: rev, Data: payloads[(int(y)+i)%5], Override: payload})
		}
		r.Snapshot(s)
	case 5:
		r.Poll(pointOf(rev), int(x), uint64(y), uint64(x))
	case 6:
		r.Missing([]string{id, "b"}, uint64(y), time.Time{})
	case 7:
		r.Pass(time.Duration(x)*time.Second-5*time.Second, time.Time{})
	case 8:
		r.Live(alive(int64(rev), lease, id, "b"), time.Unix(int64(x), 0))
	case 9:
		r.Renewed(func(string) time.Time { return time.Unix(int64(x), 0) })
	}
}
