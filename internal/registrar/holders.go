package registrar

import (
	"context"
	"time"

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
		held[n] = heldBy(found.lease.Val(), found.data.Val())
	}
	return held
}

func heldBy(lease, data string) string {
	h, err := record.ParseHolder(lease)
	if err != nil {
		return ""
	}
	n, err := record.DecodeNode([]byte(data))
	if err != nil {
		return ""
	}
	who := n.Address
	if n.Zone != "" {
		who += ", zone " + n.Zone
	}
	if n.Version != "" {
		who += ", version " + n.Version
	}
	return " (held by " + who + ", since " + time.UnixMicro(h.Start).UTC().Format(time.RFC3339) + ")"
}
