package redistest

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

func addrs(servers []*Server) []string {
	out := make([]string, len(servers))
	for i, s := range servers {
		out[i] = s.Addr()
	}
	return out
}

// running returns the servers that are neither dead nor paused.
func running(servers []*Server) []*Server {
	var out []*Server
	for _, s := range servers {
		if s.Running() {
			out = append(out, s)
		}
	}
	return out
}

// writable returns nil if s accepts writes. This one changes nothing.
func writable(ctx context.Context, s *Server) error {
	return s.client.Del(ctx, "redistest:nothing").Err()
}

// inSync returns nil if replica follows master and has all its data.
func inSync(ctx context.Context, replica, master *Server) error {
	text, err := replica.client.Info(ctx, "replication").Result()
	if err != nil {
		return err
	}
	got := parseInfo(text)
	want := map[string]string{
		"role": "slave", "master_port": strconv.Itoa(master.port),
		"master_link_status": "up", "master_sync_in_progress": "0",
	}
	for k, v := range want {
		if got[k] != v {
			return fmt.Errorf("replica %s: %s is %q, not %q", replica.Addr(), k, got[k], v)
		}
	}
	return nil
}

// parseInfo reads the lines key:value of INFO.
func parseInfo(text string) map[string]string {
	out := map[string]string{}
	for line := range strings.Lines(text) {
		if k, v, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			out[k] = v
		}
	}
	return out
}
