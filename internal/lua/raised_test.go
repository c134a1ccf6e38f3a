package lua

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/redistest"
)

// A refusal of a command in a script begins with Redis's code for it, on every
// version: Redis before 7 wraps it in a text of its own.
func TestRefusalsBeginWithTheirCode(t *testing.T) {
	for _, tc := range []struct {
		code   string
		refuse func(*redistest.Server) error
	}{
		{"OOM", func(s *redistest.Server) error {
			return s.Client().ConfigSet(t.Context(), "maxmemory", "1").Err()
		}},
		{"NOREPLICAS", func(s *redistest.Server) error {
			return s.Client().ConfigSet(t.Context(), "min-replicas-to-write", "1").Err()
		}},
		{"MISCONF", func(s *redistest.Server) error {
			return errors.Join(s.Client().ConfigSet(t.Context(), "save", "3600 1").Err(), failToSave(t, s))
		}},
		{"READONLY", func(s *redistest.Server) error {
			return s.Client().ReplicaOf(t.Context(), "127.0.0.1", "1").Err()
		}},
	} {
		t.Run(tc.code, func(t *testing.T) {
			server := redistest.Start(t)
			target := func() Target {
				return Target{Service: service(t, "shop"), Deadline: time.Now().Add(time.Minute), Nonce: "0a"}
			}
			registered := Register(t.Context(), server.Client(), RegisterCall{Target: target(), Nodes: []Registration{node("a", ours, 1)}})
			if registered[0].Err != nil {
				t.Fatal(registered[0].Err)
			}
			if err := tc.refuse(server); err != nil {
				t.Fatal(err)
			}
			r := Override(t.Context(), server.Client(), OverrideCall{Target: target(), ID: "a", Aspects: []Aspect{status(drained)}})[0]
			var answer redis.Error
			if r.Err == nil || !strings.HasPrefix(r.Err.Error(), tc.code+" ") || !errors.As(r.Err, &answer) {
				t.Errorf("error %v, want an answer of Redis that begins with %s", r.Err, tc.code)
			}
			refuses(t, server.Client(), r.Err, tc.code)
		})
	}
}

// failToSave has a server try to save its data where a directory is in the way.
func failToSave(t *testing.T, s *redistest.Server) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	dir, err := s.Client().ConfigGet(ctx, "dir").Result()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(dir["dir"], "dump.rdb", "full"), 0o700); err != nil {
		return err
	}
	if err := s.Client().BgSave(ctx).Err(); err != nil {
		return err
	}
	for {
		info, err := s.Client().Info(ctx, "persistence").Result()
		if err != nil || strings.Contains(info, "rdb_last_bgsave_status:err") {
			return err
		}
		<-time.After(10 * time.Millisecond)
	}
}
