package redistest

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// writable returns nil if s accepts writes. This one changes nothing.
func writable(ctx context.Context, s *Server) error {
	return s.client.Del(ctx, "redistest:nothing").Err()
}

// inSync returns nil if replica follows master and has all that it wrote so far.
func inSync(ctx context.Context, replica, master *Server) error {
	theirs, err := replication(ctx, master)
	if err != nil {
		return err
	}
	ours, err := replication(ctx, replica)
	if err != nil {
		return err
	}
	for k, v := range map[string]string{
		"role": "slave", "master_port": strconv.Itoa(master.port), "master_link_status": "up",
	} {
		if ours[k] != v {
			return fmt.Errorf("replica %s: %s is %q, not %q", replica.Addr(), k, ours[k], v)
		}
	}
	wrote, err := strconv.Atoi(theirs["master_repl_offset"])
	if err != nil {
		return err
	}
	if has, err := strconv.Atoi(ours["slave_repl_offset"]); err != nil || has < wrote {
		return fmt.Errorf("replica %s is at %d of %d (%v)", replica.Addr(), has, wrote, err)
	}
	return nil
}

// replication returns the fields of INFO replication.
func replication(ctx context.Context, s *Server) (map[string]string, error) {
	text, err := s.client.Info(ctx, "replication").Result()
	out := map[string]string{}
	for line := range strings.Lines(text) {
		if k, v, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			out[k] = v
		}
	}
	return out, err
}
