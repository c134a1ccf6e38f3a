package lua

import (
	"strings"
	"testing"
	"time"

	"github.com/rollcall-go/rollcall/internal/redistest"
)

// withOneNode is a service that exists, so that new nodes go the fast way.
func withOneNode(t *testing.T) *stage {
	s := newStage(t, standalone(t), t.Name())
	s.register(node("a", ours, 1)).is(Done)
	return s
}

// Where Redis has no memory left, a new node of a service that has others is refused, like the
// first one of a service.
func TestOutOfMemoryRefusesNewNodes(t *testing.T) {
	s := withOneNode(t)
	srv := redistest.SharedStandalone(t)
	srv.SetConfig("maxmemory", "1")
	r := s.register(node("new", ours, 1))
	srv.SetConfig("maxmemory", "0")
	if r.Err == nil || !strings.HasPrefix(r.Err.Error(), "OOM") {
		t.Errorf("codes %v, error %v, want OOM", r.Codes, r.Err)
	}
	if n := s.admin().Exists(t.Context(), s.svc.Node("new")).Val(); n != 0 {
		t.Error("the node was written")
	}
}

// A refused call leaves a hash of another program as it is.
func TestARefusedRegisterExpiresNoForeignHash(t *testing.T) {
	s := withOneNode(t)
	key := s.svc.Node("new")
	s.set(s.admin().HSet(t.Context(), key, "foreign", "x").Err())
	s.misuse(s.svc.Index(), func() {
		if r := s.register(node("new", ours, 1)); r.Err == nil {
			t.Error("an index of another type is no error")
		}
	})
	if left := s.admin().PTTL(t.Context(), key).Val(); left != -1 {
		t.Errorf("it expires in %v", left)
	}
}

// A TTL may have leading zeros, also where all nodes are new or changed.
func TestATTLWithZeros(t *testing.T) {
	s := withOneNode(t)
	deadline := time.Now().Add(time.Minute).UnixMicro()
	s.raw(register, history(s, s.svc.Node("a")), deadline, s.svc.Events(0), "a1", 0, "a", ours+" 2 0600000", "{}", "").is(Done)
	s.raw(register, history(s, s.svc.Node("new")), deadline, s.svc.Events(0), "a2", 0, "new", ours+" 2 0600000", "{}", "").is(Done)
	for _, id := range []string{"a", "new"} {
		if left := s.admin().PTTL(t.Context(), s.svc.Node(id)).Val(); left <= 0 {
			t.Errorf("%s expires in %v", id, left)
		}
	}
}
