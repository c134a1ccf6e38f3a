// Package doctor examines a Redis that services are registered in, as the user that the
// services have, and says what endangers a promise of the registry, and what to do.
//
// It writes nothing. What the user may not ask Redis is a finding of its own, Unknown,
// and never counts as well.
package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/acl"
	"github.com/rollcall-go/rollcall/internal/keys"
	"github.com/rollcall-go/rollcall/registry"
)

// A Level is how bad a finding is.
type Level string

// The levels, best first.
const (
	OK      Level = "ok"
	Unknown Level = "unknown" // Redis does not tell this user
	Warn    Level = "warn"    // it costs something, or will harm after one more fault
	Fail    Level = "fail"    // a promise of the registry is broken, or the next fault breaks it
)

// A Finding is what one check found.
type Finding struct {
	Check  string `json:"check"`
	Level  Level  `json:"level"`
	Server string `json:"server,omitempty"` // where there are several masters, and not all are like this
	What   string `json:"what"`
	Remedy string `json:"remedy,omitempty"` // for all levels but OK
	Err    error  `json:"-"`                // why Redis could not be examined, or nil
}

// Options say what to examine. The zero value is a valid choice.
type Options struct {
	Service       string           // for rights and data: "" is all services of the registry's namespace
	AllNamespaces bool             // for rights and data: those of all namespaces
	Roles         []acl.Role       // that the user has to have; nil: tell which it has
	Now           func() time.Time // our clock; nil: time.Now
	DataTime      time.Duration    // for the nodes of all services; 0: 20 s
}

// Failed reports whether a promise is in danger.
func Failed(findings []Finding) bool {
	return slices.ContainsFunc(findings, func(f Finding) bool { return f.Level == Fail })
}

// Examine makes all checks. It returns an error only if it could not begin, or ctx ended.
func Examine(ctx context.Context, r *registry.Redis, o Options) ([]Finding, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	o.DataTime = cmp.Or(o.DataTime, dataTime)
	if err := r.Err(); err != nil {
		return nil, err
	}
	refusal := r.Init()
	if refusal != nil && !errors.Is(refusal, registry.ErrPermission) {
		return []Finding{unreachable(refusal)}, nil
	}
	client, err := r.Client()
	if err != nil {
		return nil, err
	}
	at := r.Options()
	space, err := keys.New(at.Prefix)
	if err != nil {
		return nil, err
	}
	if o.AllNamespaces {
		at.Namespace = keys.AllNamespaces
	}
	_, clustered := client.(*redis.ClusterClient)
	p := &patient{Options: o, r: r, client: client, space: space, namespace: at.Namespace, db: at.DB, clustered: clustered}
	var findings []Finding
	if p.servers, err = p.ask(ctx); err != nil {
		findings = append(findings, unreachable(cmp.Or(refusal, err)))
	}
	if len(p.servers) == 0 {
		return findings, nil
	}
	findings = append(findings, p.aboutServers()...)
	for _, examine := range []func(context.Context) []Finding{p.coverage, p.rights, p.data, p.keyspace} {
		findings = append(findings, examine(ctx)...)
	}
	return findings, context.Cause(ctx)
}

func unreachable(err error) Finding {
	return Finding{
		Check: "reachable", Level: Fail, What: err.Error(), Err: err,
		Remedy: "see the end of the message; until Redis answers, views stay as they are and no node can register",
	}
}

// A patient is a Redis under examination.
type patient struct {
	Options
	r         *registry.Redis
	client    redis.UniversalClient
	space     keys.Space
	namespace string
	db        int
	clustered bool
	servers   []*server // the masters
}

// ask asks every master what it is.
func (p *patient) ask(ctx context.Context) (servers []*server, err error) {
	var mu sync.Mutex
	one := func(ctx context.Context, c *redis.Client) error {
		s, err := askServer(ctx, c, p.Now)
		if err != nil {
			return fmt.Errorf("%s: %w", c.Options().Addr, err)
		}
		mu.Lock()
		defer mu.Unlock()
		servers = append(servers, s)
		return nil
	}
	switch c := p.client.(type) {
	case *redis.ClusterClient:
		err = c.ForEachMaster(ctx, one)
	case *redis.Client:
		err = one(ctx, c)
	default:
		err = errors.ErrUnsupported // the registry lets no other through
	}
	slices.SortFunc(servers, func(a, b *server) int { return cmp.Compare(a.addr, b.addr) })
	return servers, err
}

// aboutServers makes the checks that look at one server each.
func (p *patient) aboutServers() (findings []Finding) {
	for _, c := range checks {
		var good, bad []Finding
		for _, s := range p.servers {
			f := c.look(s)
			f.Check = c.name
			switch {
			case f.Level == OK:
				good = append(good, f)
			case len(bad) > 0 && bad[0].What == f.What:
				bad[0].Server = "" // all so far are like this, or say the same
			default:
				f.Server = s.addr
				bad = append(bad, f)
			}
		}
		if len(p.servers) == 1 && len(bad) == 1 {
			bad[0].Server = ""
		}
		if len(bad) == 0 && len(good) > 0 {
			bad = good[:1]
		}
		findings = append(findings, bad...)
	}
	return append(findings, p.clocks())
}
