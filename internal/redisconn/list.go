package redisconn

import (
	"context"
	"slices"
	"sync"

	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/keys"
)

// wholeIndex is the largest index that is read by one command: beyond it that would hold
// Redis for over a millisecond.
const wholeIndex = 20_000

// An Entry is a node that an index lists.
type Entry struct {
	Service keys.Service
	ID      string
}

// A List is the replies to AskList: the index of a service, and what operators set on its
// nodes.
type List struct {
	service   keys.Service
	index     *redis.StringSliceCmd // the first members of a large one
	overrides *redis.ScanCmd        // its first part
}

// AskList reads which nodes a service has; Listed takes the replies.
func AskList(ctx context.Context, p redis.Pipeliner, s keys.Service) List {
	return List{s, p.ZRange(ctx, s.Index(), 0, wholeIndex), p.HScan(ctx, s.Override(), 0, "", PageSize)}
}

// Listed returns the nodes that the index lists, and what operators set, by the member of
// the index that it is for. It reads the rest of what was too large for one command.
func (c *Conn) Listed(ctx context.Context, l List) ([]Entry, map[string]string, error) {
	members := l.index.Val()
	if len(members) > wholeIndex {
		var err error
		if members, err = c.scan(ctx, l.service); err != nil {
			return nil, nil, err
		}
	}
	overrides := map[string]string{}
	for part := l.overrides; ; {
		fields, cursor := part.Val()
		for j := 0; j+1 < len(fields); j += 2 { // node, override
			overrides[fields[j]] = fields[j+1]
		}
		if cursor == 0 {
			break
		}
		part = c.HScan(ctx, l.service.Override(), cursor, "", PageSize)
		if err := c.Answered(ctx, part); err != nil {
			return nil, nil, err
		}
	}
	ids := ParseAll(c, l.service.Index(), members, keys.Unescape)
	nodes := make([]Entry, len(ids))
	for i, id := range ids {
		nodes[i] = Entry{l.service, id}
	}
	return nodes, overrides, nil
}

// AskNode reads the record of a node and its holder: two texts, of which each is empty if
// it is missing.
func AskNode(ctx context.Context, p redis.Pipeliner, n Entry) *redis.StringSliceCmd {
	cmd := redis.NewStringSliceCmd(ctx, "hmget", n.Service.Node(n.ID), "data", "lease")
	_ = p.Process(ctx, cmd) // which queues it; cmd has the error
	return cmd
}

// ReadNodes asks for nodes in pages, and calls take with the replies of one page after the
// other: while the next one is read, in a goroutine that has ended when ReadNodes returns.
func (c *Conn) ReadNodes(ctx context.Context, nodes []Entry, take func(page []Entry, replies []*redis.StringSliceCmd)) error {
	var taking sync.WaitGroup
	defer taking.Wait()
	for page := range slices.Chunk(nodes, PageSize) {
		replies, err := Pipelined(ctx, c, page, func(p redis.Pipeliner, n Entry) *redis.StringSliceCmd { return AskNode(ctx, p, n) })
		if err != nil {
			return err
		}
		taking.Wait()
		taking.Go(func() { take(page, replies) })
	}
	return nil
}

// scan reads a large index bit by bit. A member that is there all the while comes at least
// once; what came twice, once.
func (c *Conn) scan(ctx context.Context, s keys.Service) ([]string, error) {
	var members []string
	var cursor uint64
	for {
		scan := c.ZScan(ctx, s.Index(), cursor, "", 1000)
		if err := c.Answered(ctx, scan); err != nil {
			return nil, err
		}
		page, next := scan.Val()
		for i := 0; i < len(page); i += 2 { // member, score
			members = append(members, page[i])
		}
		if cursor = next; cursor == 0 {
			slices.Sort(members)
			return slices.Compact(members), nil
		}
	}
}
