// Package acl knows the least rights in Redis that each role needs: the rules of a user
// for ACL SETUSER. It is pure. docs/protocol.md explains the rules, and its tests run each
// role under exactly these.
package acl

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rollcall-go/rollcall/internal/errdefs"
	"github.com/rollcall-go/rollcall/internal/keys"
)

// A Role is what a process does with the registry.
type Role string

// The roles. A process that registers and calls others has two of them.
const (
	Registrar Role = "registrar" // registers nodes, renews and removes them
	Resolver  Role = "resolver"  // reads and watches; writes nothing
	Operator  Role = "operator"  // reads, overrides and removes nodes of others
)

// Roles lists them all.
var Roles = []Role{Registrar, Resolver, Operator}

// A Request says for what the rights are wanted. The zero value of each field is a
// valid choice, except that of Roles.
type Request struct {
	Roles     []Role
	Prefix    string // "" is "rollcall"
	Namespace string // "" is "default", "*" all namespaces
	Service   string // "" means all services of the namespace
	DB        int    // number of the database
	Cluster   bool   // Redis is a cluster
	Before7   bool   // Redis 6.2, which cannot give a right to read a key and not to write it
	WatchAll  bool   // watch all services of the namespace at once; an operator of no single service always may
	Hints     bool   // learn of a crash from keyspace events, too; needs a namespace and WatchAll
	Config    bool   // read CONFIG: a warning where Redis evicts nodes, and to find that hints are sent
}

// commands are what each role calls, inside its scripts too.
var commands = map[Role][]string{
	Registrar: {
		"evalsha", "eval", "time", "get", "set", "hget", "hset", "del", "pexpire", "pttl", "zadd", "zrem", "zrange", "zmscore",
		"llen", "lpush", "ltrim", "publish", "multi", "exec", "ping", "zremrangebyscore",
	},
	Resolver: {
		"get", "hmget", "hscan", "zrange", "zcard", "zscan", "zmscore", "lrange", "time", "multi", "exec", "ping",
		"subscribe", "unsubscribe",
	},
	Operator: {
		"evalsha", "eval", "time", "get", "set", "hget", "hset", "hdel", "hkeys", "hlen", "del", "pexpire", "persist", "pttl",
		"zadd", "zrem", "zrange", "zscore", "zmscore",
		"llen", "lpush", "ltrim", "publish",
		"hmget", "hscan", "zcard", "zscan", "lrange", "multi", "exec", "ping", "subscribe", "unsubscribe",
	},
}

// Rules returns the rules of a user, without on and a password: channels, keys, commands.
// "resetchannels" comes first, since a new user of Redis 6.2 may use every channel.
func Rules(r Request) ([]string, error) {
	space, err := keys.New(r.Prefix)
	if err != nil {
		return nil, errdefs.Invalid("Prefix", "%v", err)
	}
	if err := r.check(); err != nil {
		return nil, err
	}
	rules := rules{"resetchannels"}
	rules.add("&", r.channels(space)...)
	for _, role := range r.Roles {
		rules.add("", r.keysOf(role, space)...)
	}
	for _, role := range r.Roles {
		rules.add("+", commands[role]...)
	}
	if r.WatchAll || r.Service == "" && slices.Contains(r.Roles, Operator) { // as rollcall top does
		rules.add("+", "psubscribe", "punsubscribe")
	}
	if r.Config {
		rules.add("+", "config|get")
	}
	if r.DB != 0 {
		rules.add("+", "select")
	}
	if r.Cluster {
		rules.add("+", "cluster|slots")
		if !r.Before7 {
			rules.add("+", "cluster|shards")
		}
		rules.add("+", "asking", "command")
	}
	return rules.withoutCovered(), nil
}

func (r Request) check() error {
	switch {
	case len(r.Roles) == 0:
		return errdefs.Invalid("Role", "want one or more of %v", Roles)
	case r.DB < 0:
		return errdefs.Invalid("DB", "%d is negative", r.DB)
	case r.DB > 0 && r.Cluster:
		return errdefs.Invalid("DB", "%d: a cluster has only database 0", r.DB)
	case r.all() && r.Service != "":
		return errdefs.Invalid("Service", "%q needs one namespace", r.Service)
	case r.WatchAll && r.Service != "":
		return errdefs.Invalid("WatchAll", "it is for all services of a namespace, and Service is %q", r.Service)
	case r.Hints && (!r.WatchAll || r.all()):
		// A pattern has to be in the ACL literally, and each namespace has its own.
		return errdefs.Invalid("Hints", "keyspace hints are for a user that watches all services of one namespace")
	}
	for _, role := range r.Roles {
		if !slices.Contains(Roles, role) {
			return errdefs.Invalid("Role", "%q: want one of %v", role, Roles)
		}
	}
	return nil
}

func (r Request) all() bool { return r.Namespace == keys.AllNamespaces }

// keysOf returns the rules for the keys that a role needs.
func (r Request) keysOf(role Role, s keys.Space) []string {
	read, write := "%R~", "~"
	if r.Before7 {
		read = write
	}
	of, lists := write, read // the keys of services, and the catalogues
	switch role {
	case Resolver:
		of = read
	case Registrar:
		lists = write
	}
	// Names are encoded, so that they hold nothing that a pattern reads as more than itself.
	switch {
	case r.all(): // the catalogues of services are among the first ones
		return []string{of + s.KeysPattern(r.Namespace), lists + s.Namespaces()}
	case r.Service == "":
		return []string{of + s.KeysPattern(r.Namespace), lists + s.Services(r.Namespace), lists + s.Namespaces()}
	}
	one := of + s.Service(r.Namespace, r.Service).KeysPattern()
	if role == Registrar { // it enters the service in the catalogues
		return []string{one, lists + s.Services(r.Namespace), lists + s.Namespaces()}
	}
	return []string{one}
}

// channels returns the channels, and the patterns to subscribe to, which have to be there
// as they are.
func (r Request) channels(s keys.Space) []string {
	if r.Service != "" {
		return []string{s.Service(r.Namespace, r.Service).Events(r.DB)}
	}
	channels := []string{s.EventsPattern(r.Namespace, r.DB)} // matches each channel, and is the pattern
	if r.Hints {
		channels = append(channels, s.NodesPattern(r.Namespace, r.DB))
	}
	return channels
}

// rules are those of a user, each once.
type rules []string

func (r *rules) add(kind string, of ...string) {
	for _, what := range of {
		if rule := kind + what; !slices.Contains(*r, rule) {
			*r = append(*r, rule)
		}
	}
}

// withoutCovered leaves out rights to read keys that the user may write, too.
func (r rules) withoutCovered() []string {
	return slices.DeleteFunc(r, func(rule string) bool {
		pattern, reads := strings.CutPrefix(rule, "%R~")
		return reads && slices.Contains(r, "~"+pattern)
	})
}

// Command returns the command that gives a user these rights and no others. The password
// is what "secret" stands for.
func Command(user string, rules []string) (string, error) {
	// More than Redis refuses: the line is pasted into a shell or a file.
	if user == "" || strings.ContainsFunc(user, func(c rune) bool { return unicode.IsSpace(c) || !unicode.IsPrint(c) || c == utf8.RuneError }) {
		return "", errdefs.Invalid("User", "%q: want a name without spaces and control characters", user)
	}
	return "ACL SETUSER " + user + " reset on >secret " + strings.Join(rules, " "), nil
}
