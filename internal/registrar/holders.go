package registrar

import (
	"context"

	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/lua"
	"github.com/rollcall-go/rollcall/internal/record"
)

// holders returns who has the nodes that a call was refused for, and since when, as the
// end of an error: " (held by ..., since ...)". There is nothing for a node that no lease
// holds any more, or where Redis does not say.
func (r *book) holders(ctx context.Context, s *service, nodes []*node, codes []lua.Code) map[*node]string {
	type fields struct{ lease, data *redis.StringCmd }
	asked := map[*node]fields{}
	p := r.c.Pipeline()
	for i, n := range nodes {
		if codes[i] == lua.Superseded || codes[i] == lua.Conflict {
			key := s.keys.Node(n.id)
			asked[n] = fields{p.HGet(ctx, key, "lease"), p.HGet(ctx, key, "data")}
		}
	}
	if len(asked) == 0 {
		return nil
	}
	_, _ = p.Exec(ctx) // each command has its own error
	held := map[*node]string{}
	for n, found := range asked {
		if who := record.HeldBy(found.lease.Val(), found.data.Val()); who != "" {
			held[n] = " (" + who + ")"
		}
	}
	return held
}
