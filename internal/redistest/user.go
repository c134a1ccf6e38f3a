package redistest

import (
	"context"
	"strings"
)

// readOnlyKeys begins the pattern of keys that a user may read and not write.
const readOnlyKeys = "%R~"

// SetUser makes a user of these ACL rules and no others, for example "on",
// ">secret", "~key:*", "+get". Where the server has no read-only patterns of keys
// (CanReadOnly), "~" takes the place of "%R~", as docs/protocol.md describes for operators.
func (s *Server) SetUser(name string, rules ...string) {
	s.t.Helper()
	readOnly := s.CanReadOnly()
	// Before Redis 7 a new user may use every channel.
	args := []string{"reset", "resetchannels", "-@all"}
	for _, rule := range rules {
		if pattern, ok := strings.CutPrefix(rule, readOnlyKeys); ok && !readOnly {
			rule = "~" + pattern
		}
		args = append(args, rule)
	}
	must(s.t, "make the user "+name, func(ctx context.Context) error {
		return s.client.ACLSetUser(ctx, name, args...).Err()
	})
}

// CanReadOnly reports whether the server's ACLs know read-only patterns of keys,
// as those of Redis 7 and later do.
func (s *Server) CanReadOnly() bool {
	s.t.Helper()
	const probe = "redistest-probe"
	can := false
	must(s.t, "ask for read-only patterns of keys", func(ctx context.Context) error {
		can = s.client.ACLSetUser(ctx, probe, readOnlyKeys+"key").Err() == nil
		return s.client.ACLDelUser(ctx, probe).Err()
	})
	return can
}
