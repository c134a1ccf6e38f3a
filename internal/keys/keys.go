package keys

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

const (
	// DefaultPrefix starts every key where no other prefix was set.
	DefaultPrefix = "rollcall"
	// DefaultNamespace is what an empty namespace means.
	DefaultNamespace = "default"
	// AllNamespaces means every namespace, in reads.
	AllNamespaces = "*"
	// AllNodes, in the place of an id, means every node of a service, in overrides.
	AllNodes = ""
)

// A Space is the part of a Redis database that starts with one prefix. Make it
// with New; the zero value names no keys worth having.
type Space struct{ prefix string }

// New returns the space of a prefix; "" means DefaultPrefix. It fails when the
// prefix holds a byte outside [A-Za-z0-9._:-], since a prefix with a brace or a
// star in it could start a hash tag or match other keys.
func New(prefix string) (Space, error) {
	if prefix == "" {
		prefix = DefaultPrefix
	}
	for i := range len(prefix) {
		if c := prefix[i]; !nameByte(c) && c != ':' {
			return Space{}, fmt.Errorf("prefix %q: byte %q at %d: use only A-Z a-z 0-9 . _ : -", prefix, c, i)
		}
	}
	return Space{prefix: prefix}, nil
}

// Prefix returns what every key of the space starts with, without the colon
// that follows it.
func (s Space) Prefix() string { return s.prefix }

// Namespaces names the zset of all namespaces.
func (s Space) Namespaces() string { return s.prefix + ":namespaces" }

// Services names the zset of a namespace's services.
func (s Space) Services(ns string) string {
	return s.prefix + ":{" + NamespaceMember(ns) + "}:services"
}

// Service returns the keys of one service.
func (s Space) Service(ns, svc string) Service {
	return Service{base: s.prefix + ":{" + NamespaceMember(ns) + "/" + EscapeName(svc) + "}:", namespace: Namespace(ns), name: svc}
}

// A Service is one service, and builds its keys, all in one cluster slot. Two are
// equal by == exactly when prefix, namespace and name are.
type Service struct{ base, namespace, name string }

// Namespace returns the namespace of the service.
func (k Service) Namespace() string { return k.namespace }

// Name returns its name.
func (k Service) Name() string { return k.name }

// String names the service in errors and logs: "default/shop".
func (k Service) String() string { return k.namespace + "/" + k.name }

// Node names the hash of one node.
func (k Service) Node(id string) string { return k.base + "node:" + EscapeID(id) }

// Index names the zset of node ids and the ends of their leases.
func (k Service) Index() string { return k.base + "index" }

// Version names the hash of epoch, revision and tag.
func (k Service) Version() string { return k.base + "version" }

// Log names the list of the newest changes.
func (k Service) Log() string { return k.base + "log" }

// Override names the hash of what operators set.
func (k Service) Override() string { return k.base + "override" }

// Events names the channel of change events. Channels are shared by all
// databases of a server, so it contains the number of the database.
func (k Service) Events(db int) string { return k.base + "events:" + strconv.Itoa(db) }

// KeysPattern matches every key of the service.
func (k Service) KeysPattern() string { return k.base + "*" }

// KeysPattern matches every key of every service of a namespace; "*" means all
// namespaces, and their catalogues, too.
func (s Space) KeysPattern(ns string) string {
	if ns != AllNamespaces {
		ns = NamespaceMember(ns) + "/*"
	}
	return s.prefix + ":{" + ns + "}:*"
}

// Namespace returns ns, or DefaultNamespace if it is empty.
func Namespace(ns string) string {
	if ns == "" {
		return DefaultNamespace
	}
	return ns
}

// EventsPattern matches the channels Events of every service of a namespace;
// "*" means all namespaces. Encoded names hold nothing that a pattern reads
// as more than itself.
func (s Space) EventsPattern(ns string, db int) string {
	if ns != "*" {
		ns = NamespaceMember(ns) + "/*"
	}
	return s.prefix + ":{" + ns + "}:events:" + strconv.Itoa(db)
}

// ParseEvents undoes Service(ns, svc).Events(db). It refuses other channels.
func (s Space) ParseEvents(channel string, db int) (ns, svc string, err error) {
	inner, ok1 := strings.CutPrefix(channel, s.prefix+":{")
	inner, ok2 := strings.CutSuffix(inner, "}:events:"+strconv.Itoa(db))
	n, v, ok3 := strings.Cut(inner, "/")
	if !ok1 || !ok2 || !ok3 || v == "" {
		return "", "", fmt.Errorf("channel %q: want %s:{namespace/service}:events:%d", channel, s.prefix, db)
	}
	if ns, err = ParseNamespaceMember(n); err != nil {
		return "", "", fmt.Errorf("channel %q: %w", channel, err)
	}
	if svc, err = unescapeName(v); err != nil {
		return "", "", fmt.Errorf("channel %q: %w", channel, err)
	}
	return ns, svc, nil
}

// NodesPattern matches the keyspace channels of every node of a namespace, in
// one database.
func (s Space) NodesPattern(ns string, db int) string {
	return "__keyspace@" + strconv.Itoa(db) + "__:" + s.prefix + ":{" + NamespaceMember(ns) + "/*}:node:*"
}

// ParseNode undoes Service(ns, svc).Node(id). It refuses other keys.
func (s Space) ParseNode(key string) (k Service, id string, err error) {
	inner, ok1 := strings.CutPrefix(key, s.prefix+":{")
	tag, id, ok2 := strings.Cut(inner, "}:node:")
	n, v, ok3 := strings.Cut(tag, "/")
	if !ok1 || !ok2 || !ok3 || v == "" {
		return k, "", fmt.Errorf("key %q: want %s:{namespace/service}:node:id", key, s.prefix)
	}
	ns, err1 := ParseNamespaceMember(n)
	svc, err2 := unescapeName(v)
	id, err3 := Unescape(id)
	if err := cmp.Or(err1, err2, err3); err != nil {
		return k, "", fmt.Errorf("key %q: %w", key, err)
	}
	return s.Service(ns, svc), id, nil
}
