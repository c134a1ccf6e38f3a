package lua

import (
	"context"
	"crypto/sha1"
	_ "embed"
	"encoding/hex"

	"github.com/redis/go-redis/v9"
)

var (
	//go:embed clock.lua
	clock string
	//go:embed common.lua
	common string
	//go:embed history.lua
	historySource string
	//go:embed commit.lua
	commitSource string
	//go:embed register.lua
	registerSource string
	//go:embed register_fast.lua
	registerFastSource string
	//go:embed renew.lua
	renewSource string
	//go:embed renew_fast.lua
	renewFastSource string
	//go:embed renew_node.lua
	renewNodeSource string
	//go:embed deregister.lua
	deregisterSource string
	//go:embed reap.lua
	reapSource string
	//go:embed override.lua
	overrideSource string
	//go:embed announce.lua
	announceSource string

	register   = newScript(clock + registerFastSource + common + historySource + registerSource + commitSource)
	renew      = newScript(clock + renewFastSource + common + renewSource + commitSource)
	renewNode  = newScript(clock + common + renewNodeSource)
	deregister = newScript(clock + common + historySource + deregisterSource + commitSource)
	reap       = newScript(clock + common + historySource + reapSource + commitSource)
	override   = newScript(clock + common + historySource + overrideSource + commitSource)
	announce   = newScript(announceSource)
)

type script struct{ source, sha string }

func newScript(source string) *script {
	sum := sha1.Sum([]byte(source))
	return &script{source: source, sha: hex.EncodeToString(sum[:])}
}

// call is one run of a script.
type call struct {
	script *script
	keys   []string
	args   []any
	nodes  int // that it names, and so the codes that it returns
}

// run sends the calls together and returns one result for each.
func run(ctx context.Context, c redis.UniversalClient, calls []call) []Result {
	results := make([]Result, len(calls))
	for i, cmd := range replies(ctx, c, calls) {
		results[i] = parse(cmd, calls[i].nodes)
	}
	return results
}

// replies sends the calls together and returns what each was answered. Scripts
// that the server does not know are sent again with their source, together too:
// servers forget scripts at a restart, a flush or a failover, and newer ones
// evict those that came by EVAL.
func replies(ctx context.Context, c redis.UniversalClient, calls []call) []*redis.Cmd {
	replies := send(ctx, c, calls, func(p redis.Pipeliner, c call) *redis.Cmd {
		return p.EvalSha(ctx, c.script.sha, c.keys, c.args...)
	})
	var unknown []int
	var again []call
	for i, cmd := range replies {
		if redis.HasErrorPrefix(cmd.Err(), "NOSCRIPT") {
			unknown, again = append(unknown, i), append(again, calls[i])
		}
	}
	for j, cmd := range send(ctx, c, again, func(p redis.Pipeliner, c call) *redis.Cmd {
		return p.Eval(ctx, c.script.source, c.keys, c.args...)
	}) {
		replies[unknown[j]] = cmd
	}
	return replies
}

func send(ctx context.Context, c redis.UniversalClient, calls []call, add func(redis.Pipeliner, call) *redis.Cmd) []*redis.Cmd {
	if len(calls) == 0 {
		return nil
	}
	p := c.Pipeline()
	cmds := make([]*redis.Cmd, len(calls))
	for i, c := range calls {
		cmds[i] = add(p, c)
	}
	_, err := p.Exec(ctx)
	for _, cmd := range cmds {
		// Each carries its own error, unless Redis refused the connection itself
		// (WRONGPASS, LOADING): then go-redis gives them none, and no reply.
		if err != nil && cmd.Err() == nil && cmd.Val() == nil {
			cmd.SetErr(err)
		}
	}
	return cmds
}
