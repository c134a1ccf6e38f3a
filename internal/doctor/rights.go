package doctor

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/acl"
	"github.com/rollcall-go/rollcall/internal/keys"
)

// rights tells for each role whether the user has its rights.
//
// It asks in a transaction that Redis discards: a command of it that is no command makes
// EXEC fail, so that none is executed. Redis checks the rights of each command when it
// is queued. This needs no right to ask for rights, such as ACL DRYRUN does, and is the
// same on all versions. A right that is missing shows in ACL LOG.
func (p *patient) rights(ctx context.Context) (findings []Finding) {
	complete := false
	for _, role := range acl.Roles {
		if len(p.Roles) > 0 && !slices.Contains(p.Roles, role) {
			continue
		}
		missing, err := p.missing(ctx, role)
		f := fine("this user may work as %s", role)
		switch {
		case err != nil:
			f = bad(Unknown, "look at ACL GETUSER", "the rights cannot be tried: %v", err)
		case len(missing) > 0:
			f = bad(Fail, p.command(role), "this user lacks, to work as %s: %s", role, strings.Join(missing, " "))
		default:
			complete = true
		}
		f.Check = "rights: " + string(role)
		findings = append(findings, f)
	}
	for i, f := range findings {
		switch {
		case f.Level != Fail || p.Roles != nil:
		case complete: // a user needs one role
			findings[i].Level, findings[i].Remedy = OK, ""
			findings[i].What = strings.Replace(f.What, "this user lacks, to work", "this user has another role; it lacks, to work", 1)
		default:
			findings[i].Level = Warn // it can do none of the work
		}
	}
	return findings
}

// command prints the rules that are missed.
func (p *patient) command(role acl.Role) string {
	words := []string{"give the user what this prints: rollcall acl", string(role)}
	switch p.namespace {
	case keys.AllNamespaces:
		words = append(words, "-A")
	case "", keys.DefaultNamespace:
	default:
		words = append(words, "--namespace", p.namespace)
	}
	if p.Service != "" {
		words = append(words, "--service", p.Service)
	}
	if p.clustered {
		words = append(words, "--cluster")
	}
	return strings.Join(words, " ")
}

// A probe is a command whose rights are tried, and what Redis wants for it.
type probe struct {
	args    []any
	command string // "+get"
	keys    string // "~rollcall:{default/shop}:*"
	channel string // "&rollcall:{default/shop}:events:0"
}

// probed is the service whose keys are tried where the rights of no single one are asked for.
const probed = "rollcall-doctor"

// missing returns what the user lacks for a role, in the words of an ACL, on any master.
func (p *patient) missing(ctx context.Context, role acl.Role) (missing []string, err error) {
	request := acl.Request{
		Roles: []acl.Role{role}, Prefix: p.space.Prefix(), Namespace: p.namespace, Service: p.Service, Cluster: p.clustered,
		Before7: slices.ContainsFunc(p.servers, func(s *server) bool { return strings.HasPrefix(s.said("version"), "6.") }),
	}
	rules, err := acl.Rules(request)
	if err != nil {
		return nil, err
	}
	probes := p.probes(rules)
	ask := func(ctx context.Context, c *redis.Client) error {
		found, err := try(ctx, c, probes)
		missing = append(missing, found...)
		return err
	}
	switch c := p.client.(type) {
	case *redis.ClusterClient: // the servers of a cluster have ACLs of their own
		err = inTurn(ctx, c, ask)
	case *redis.Client:
		err = ask(ctx, c)
	}
	return inOrder(rules, missing), err
}

// inOrder returns what is missing in the order of the rules, once.
func inOrder(rules, missing []string) (sorted []string) {
	for _, rule := range rules {
		if slices.Contains(missing, rule) {
			sorted = append(sorted, rule)
		}
	}
	for _, m := range missing {
		if !slices.Contains(sorted, m) {
			sorted = append(sorted, m)
		}
	}
	return sorted
}

// probes returns the commands to try: each command of the rules, on a key of a service,
// and one on each catalogue. No node has the key. So nothing would come of a command that
// was executed after all.
func (p *patient) probes(rules []string) (probes []probe) {
	service := p.space.Service(ownNamespace(p.namespace), cmp.Or(p.Service, probed))
	var of probe
	for _, rule := range rules {
		_, pattern, isKey := strings.Cut(rule, "~")
		switch {
		case rule[0] == '&':
			of.channel = cmp.Or(of.channel, rule)
		case isKey && strings.HasSuffix(pattern, "*"):
			of.keys = rule
		case isKey && slices.Contains(rules, "+zremrangebyscore"): // it writes the catalogues
			probes = append(probes, probe{[]any{"zremrangebyscore", pattern, "0", "0"}, "+zremrangebyscore", rule, ""})
		case isKey:
			probes = append(probes, probe{[]any{"zrange", pattern, "0", "0"}, "+zrange", rule, ""})
		}
	}
	for _, rule := range rules {
		command, ok := strings.CutPrefix(rule, "+")
		if ok && command != "multi" && command != "exec" { // of which the transaction itself is made
			probes = append(probes, probe{arguments(command, service.Node(probed), service.Events(p.db), p.space.EventsPattern(p.namespace, p.db)), rule, of.keys, of.channel})
		}
	}
	return probes
}

func ownNamespace(ns string) string {
	if ns == keys.AllNamespaces {
		return ""
	}
	return ns
}

// arguments is a call of a command that Redis queues, if the user has the rights.
func arguments(command, key, channel, channels string) []any {
	switch command {
	case "evalsha", "eval":
		return []any{command, "return 1", "1", key}
	case "get", "del", "pttl", "persist", "llen", "hlen", "hkeys", "zcard":
		return []any{command, key}
	case "set", "hget", "hdel", "lpush", "pexpire", "zrem", "zscore", "zmscore", "hmget", "hscan", "zscan":
		return []any{command, key, "0"}
	case "hset", "zadd", "zrange", "ltrim", "lrange", "zremrangebyscore":
		return []any{command, key, "0", "0"}
	case "publish":
		return []any{command, channel, ""}
	case "subscribe", "unsubscribe":
		return []any{command, channel}
	case "psubscribe", "punsubscribe":
		return []any{command, channels}
	case "select":
		return []any{command, "0"}
	}
	var args []any
	for word := range strings.SplitSeq(command, "|") { // such as cluster|slots
		args = append(args, word)
	}
	return args
}

// try queues commands in a transaction that is discarded, and returns what Redis refuses.
func try(ctx context.Context, c *redis.Client, probes []probe) (missing []string, err error) {
	// Without the rights for a transaction the commands would be executed.
	if missing, err := begin(ctx, c); err != nil || len(missing) > 0 {
		return missing, err
	}
	queued := make([]*redis.Cmd, len(probes))
	_, err = c.TxPipelined(ctx, func(tx redis.Pipeliner) error {
		tx.Do(ctx, faulty)
		for i, p := range probes {
			queued[i] = tx.Do(ctx, p.args...)
		}
		return nil
	})
	if !redis.HasErrorPrefix(err, "EXECABORT") {
		return nil, fmt.Errorf("a transaction with a faulty command was not discarded: %w", err)
	}
	for i, cmd := range queued {
		switch text := strings.ToLower(cmd.Err().Error()); {
		case strings.Contains(text, "unknown command"), strings.Contains(text, "unknown subcommand"):
			missing = append(missing, probes[i].command+" (the server does not have it)")
		case !refused(cmd.Err()):
		case strings.Contains(text, " key"):
			missing = append(missing, probes[i].keys)
		case strings.Contains(text, "channel"):
			missing = append(missing, probes[i].channel)
		default:
			missing = append(missing, probes[i].command)
		}
	}
	return missing, nil
}

// faulty lacks an argument. A transaction with it is discarded.
const faulty = "get"

// begin tries an empty transaction that is discarded.
func begin(ctx context.Context, c *redis.Client) (missing []string, err error) {
	_, err = c.TxPipelined(ctx, func(tx redis.Pipeliner) error {
		tx.Do(ctx, faulty)
		return nil
	})
	for _, command := range []string{"multi", "exec"} {
		if text := strings.ToLower(err.Error()); strings.Contains(text, "noperm") && strings.Contains(text, "'"+command) {
			missing = append(missing, "+"+command+" (without it no other right can be tried)")
		}
	}
	if len(missing) > 0 || redis.HasErrorPrefix(err, "EXECABORT") {
		return missing, nil
	}
	return nil, err
}
