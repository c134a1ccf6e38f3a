package lua

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/keys"
)

// Three leases of one node, oldest first.
var (
	older = token(1_700_000_000_000_000, 1)
	ours  = token(1_700_000_000_000_000, 2)
	newer = token(1_700_000_000_000_001, 1)
)

func token(start int64, nonce int) string { return fmt.Sprintf("%d-%012x", start, nonce) }

// ttl is a lease's length where a scenario does not care. Leases are minutes
// long, so that no scenario is slow enough to blur what is given in minutes.
const ttl = 10 * time.Minute

// node is a registration of a node's usual record.
func node(id, token string, seq uint64) Registration {
	return Registration{Lease: at(id, token, seq), Data: []byte(usual(id))}
}

func usual(id string) string { return `{"of":"` + id + `"}` }

func at(id, token string, seq uint64) Lease { return Lease{ID: id, Token: token, Seq: seq, TTL: ttl} }

// A stage is a service on one server: what a scenario acts on. It keeps a
// transcript in which nothing differs between two servers that do the same.
type stage struct {
	tb
	server *server
	client redis.UniversalClient // that the calls go through
	svc    keys.Service

	after  time.Duration // deadline of calls, from now
	nonce  int           // of the last call
	frozen bool          // further calls carry the same nonce

	nonces     map[int64][]string // by the time of the calls that carried them
	marks      map[string]string  // epochs and tags, by order of appearance
	transcript []string
	published  chan []string
	evicted    map[string]bool // keys that are not what the scripts left
}

// tb is what a stage needs of the test: it plays in those of package rapid too.
type tb interface {
	Context() context.Context
	Cleanup(func())
	Helper()
	Error(...any)
	Errorf(string, ...any)
	Fatalf(string, ...any)
}

// newStage clears the service called name and listens to its events.
func newStage(t tb, srv *server, name string) *stage {
	s := &stage{
		tb: t, server: srv, client: srv.client, svc: service(t, name), after: time.Minute,
		nonces: map[int64][]string{}, marks: map[string]string{}, evicted: map[string]bool{},
		published: make(chan []string, 1),
	}
	s.clear()
	t.Cleanup(s.clear)
	s.listen()
	return s
}

func service(t tb, name string) keys.Service {
	space, err := keys.New("luatest")
	if err != nil {
		t.Fatalf("make keys: %v", err)
	}
	return space.Service("stage", name)
}

func (s *stage) target() Target {
	if !s.frozen {
		s.nonce++
	}
	return Target{
		Service: s.svc, Deadline: time.Now().Add(s.after), Nonce: fmt.Sprintf("%012x", s.nonce),
	}
}

func (s *stage) register(nodes ...Registration) reply {
	s.Helper()
	return s.note("register", Register(s.Context(), s.client, RegisterCall{Target: s.target(), Nodes: nodes}))
}

func (s *stage) exclusive(nodes ...Registration) reply {
	s.Helper()
	return s.call(RegisterCall{Exclusive: true}, nodes...)
}

// guess registers under leases that were guessed.
func (s *stage) guess(nodes ...Registration) reply {
	s.Helper()
	return s.call(RegisterCall{Guess: true}, nodes...)
}

func (s *stage) call(c RegisterCall, nodes ...Registration) reply {
	s.Helper()
	c.Target, c.Nodes = s.target(), nodes
	return s.note(fmt.Sprintf("register, exclusive %v, guess %v", c.Exclusive, c.Guess), Register(s.Context(), s.client, c))
}

func (s *stage) renew(nodes ...Lease) reply {
	s.Helper()
	return s.note("renew", Renew(s.Context(), s.client, RenewCall{Target: s.target(), Nodes: nodes}))
}

// renewNode renews one node by its hash alone.
func (s *stage) renewNode(n Lease) reply {
	s.Helper()
	return s.note("renew node", RenewNodes(s.Context(), s.client, RenewCall{Target: s.target(), Nodes: []Lease{n}}))
}

func (s *stage) deregister(nodes ...Lease) reply { s.Helper(); return s.end(Self, nodes) }

// remove is an operator's deregister.
func (s *stage) remove(nodes ...Lease) reply { s.Helper(); return s.end(Operator, nodes) }

// undo is the deregister of a register whose outcome is unknown.
func (s *stage) undo(nodes ...Lease) reply { s.Helper(); return s.end(Undo, nodes) }

func (s *stage) end(by By, nodes []Lease) reply {
	s.Helper()
	c := DeregisterCall{Target: s.target(), Act: Act{By: by}, Nodes: nodes}
	return s.note("deregister "+string(by), Deregister(s.Context(), s.client, c))
}

func (s *stage) reap(ids ...string) reply {
	s.Helper()
	return s.note("reap", Reap(s.Context(), s.client, ReapCall{Target: s.target(), IDs: ids}))
}

// override sets the status of a node for whatever lease, without an end; "" undoes it.
func (s *stage) override(id, json string) reply {
	s.Helper()
	return s.operate(OverrideCall{ID: id, Aspects: []Aspect{status(json)}})
}

func (s *stage) operate(c OverrideCall) reply {
	s.Helper()
	c.Target = s.target()
	return s.note("override", Override(s.Context(), s.client, c))
}

func status(json string) Aspect { return Aspect{Name: "status", JSON: []byte(json)} }

// plain shortens the lines of an override: they lose when they were set, and the aspect,
// end and lease where these are the usual ones.
func plain(override string) string {
	short := regexp.MustCompile(`(?m)^(\S+) (\d+) \d+ (\S+) `).ReplaceAllString(override, "$1 $2 $3 ")
	short = strings.ReplaceAll(short, "status 0 - ", "")
	return strings.ReplaceAll(short, "\n", "; ")
}

// raw runs a script with keys and arguments that the typed calls never send.
func (s *stage) raw(sc *script, keys []string, args ...any) reply {
	s.Helper()
	return s.note("raw", run(s.Context(), s.client, []call{{sc, keys, args, 1}}))
}

// repeat makes a call once for each code, as a client does that lost the
// replies: every copy is the same to the byte, its deadline aside.
func (s *stage) repeat(call func() reply, codes ...Code) {
	s.Helper()
	for i, code := range codes {
		call().is(code)
		s.frozen = i < len(codes)-1
	}
}

// copies are the codes of a call made as often as copies of it arrive: first
// for the first, rest for the others.
func copies(n int, first, rest Code) []Code {
	codes := []Code{first}
	for range n - 1 {
		codes = append(codes, rest)
	}
	return codes
}

// unchanged makes a call that must write nothing.
func (s *stage) unchanged(call func() reply) reply {
	s.Helper()
	before := s.dump()
	r := call()
	if d := cmp.Diff(before, s.dump()); d != "" {
		s.Errorf("the call wrote (-before +after):\n%s", d)
	}
	return r
}

// near reports whether a time of Redis's is about now: all servers of a test run
// on this machine.
func near(at time.Time) bool { return time.Since(at).Abs() < time.Minute }

func minutes(d time.Duration) string { return fmt.Sprintf("%.0fm", d.Round(time.Minute).Minutes()) }

// mark names an epoch or a tag by the order in which it appeared.
func (s *stage) mark(kind, v string) string {
	if v == "" {
		return "none"
	}
	if s.marks[kind+v] == "" {
		n := 1
		for k := range s.marks {
			if strings.HasPrefix(k, kind) {
				n++
			}
		}
		s.marks[kind+v] = fmt.Sprintf("%s%d", kind, n)
	}
	return s.marks[kind+v]
}

// listen collects what is published until the stage is settled.
func (s *stage) listen() {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), time.Minute)
	sub := s.server.client.Subscribe(ctx, s.svc.Events(0))
	if _, err := sub.Receive(ctx); err != nil {
		s.Fatalf("subscribe: %v", err)
	}
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		var got []string
		for {
			m, err := sub.ReceiveMessage(ctx)
			if err != nil || m.Payload == "end" {
				s.published <- got
				return
			}
			got = append(got, m.Payload)
		}
	}()
	s.Cleanup(func() {
		cancel()
		_ = sub.Close()
		<-stopped
	})
}

// events returns all that was published on the stage; it can be asked once. The
// end mark is published as the scripts publish, by the slot's own server, so it
// comes after what they published.
func (s *stage) events() []event {
	s.Helper()
	err := s.server.client.Eval(s.Context(), "return redis.call('PUBLISH', ARGV[1], 'end')",
		[]string{s.svc.Index()}, s.svc.Events(0)).Err()
	if err != nil {
		s.Fatalf("publish the end mark: %v", err)
	}
	var events []event
	for _, raw := range <-s.published {
		e, err := parseEvent(raw)
		if err != nil {
			s.Fatalf("event %q: %v", raw, err)
		}
		events = append(events, e)
	}
	return events
}
