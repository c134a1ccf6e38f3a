package replica

import (
	"flag"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

var (
	seedFlag = flag.Uint64("replica.seed", 0, "run the model with this seed alone, and print its trace")
	runsFlag = flag.Uint64("replica.runs", 2000, "how many runs of the model to make")
	ruleRuns = flag.Uint64("replica.ruleruns", 1000, "how many runs to make without a rule, at most")
	ruleFlag = flag.String("replica.rule", "", "the rule to switch off with -replica.seed")
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A plan is what one run is like.
type plan struct {
	ttl        time.Duration
	loss       float64 // of events
	repeat     float64
	reorder    float64
	slow       float64 // calls that take long
	hang       float64 // script calls that take very long
	lateReaps  float64 // reaps that come once more, much later
	copies     float64 // script calls that are executed twice
	calm       bool    // nothing is lost and nothing befalls anybody
	log        int     // entries that the log holds
	flapping   bool    // Redis is stopped again and again
	faults     []fault
	faultEvery time.Duration
	deeds      []deed
	deedEvery  time.Duration
	readers    int
	processes  int
	length     time.Duration
	poll       time.Duration // the longest time between two
}

// anyPlan draws a plan: each run has some of all that may happen, so that rare
// things meet.
func anyPlan(rng *rand.Rand) plan {
	p := plan{
		ttl: []time.Duration{6 * time.Second, 15 * time.Second, 15 * time.Second, 30 * time.Second}[rng.IntN(4)],
		log: []int{4, 128}[rng.IntN(2)], deeds: deeds, readers: 2, processes: 1 + rng.IntN(3),
		faultEvery: time.Duration(2+rng.IntN(20)) * time.Second,
		deedEvery:  time.Duration(100+rng.IntN(4000)) * time.Millisecond,
		poll:       time.Duration(2000+rng.IntN(3001)) * time.Millisecond,
		length:     time.Duration(30+rng.IntN(60)) * time.Second,
	}
	if p.calm = rng.IntN(8) == 0; p.calm {
		p.reorder, p.repeat = 0.1*rng.Float64(), 0.1*rng.Float64()
		return p
	}
	for _, p := range []*float64{&p.loss, &p.repeat, &p.reorder, &p.slow, &p.hang, &p.copies, &p.lateReaps} {
		if rng.IntN(2) == 0 {
			*p = 0.15 * rng.Float64()
		}
	}
	p.hang /= 4
	share := rng.Float64()
	for _, f := range faults {
		if rng.Float64() < share {
			p.faults = append(p.faults, f)
		}
	}
	return p
}

// newWorld is a run that is about to begin.
func newWorld(seed uint64, off rule, draw func(*rand.Rand) plan) *world {
	rng := rand.New(rand.NewPCG(seed, 0))
	w := &world{rng: rng, off: off, plan: draw(rng), claims: map[string]*claim{}, acts: map[string]string{}}
	w.ttl = w.plan.ttl
	w.master = w.newServer()
	return w
}

// play runs a world: a time of trouble, then one to settle in, at the end of
// which every view has to be exact.
func (w *world) play() *violation {
	p := w.plan
	for range p.processes {
		w.after(w.between(0, time.Second), w.join)
	}
	for range p.readers {
		w.after(w.between(0, 2*time.Second), func() { w.newReader() })
	}
	var misfortune, deed func()
	misfortune = func() {
		if f := pick(w, p.faults); w.now < p.length && f.do != nil && len(w.readers) == p.readers {
			w.note("fault: %s", f.name)
			f.do(w)
		}
		w.after(w.between(0, 2*p.faultEvery), misfortune)
	}
	deed = func() {
		if w.now < p.length {
			pick(w, p.deeds).do(w)
			w.after(w.between(0, 2*p.deedEvery), deed)
		}
	}
	w.after(3*time.Second, misfortune)
	w.after(w.between(0, 3*time.Second), deed)
	w.run(p.length + 2*w.ttl + 15*time.Second) // every fault has ended by then
	w.plan.loss, w.plan.repeat, w.plan.reorder, w.plan.slow, w.plan.hang, w.plan.copies = 0, 0, 0, 0, 0, 0
	w.settled(w.poll()+w.ttl/3+time.Second, false)
	w.settled(2*w.ttl, true)
	return w.violation
}

// settled lets time pass, after which every view has to equal the registry: but
// for what is held, or in every respect.
func (w *world) settled(d time.Duration, wholly bool) {
	w.run(w.now + d)
	if w.violation != nil {
		return
	}
	for _, r := range w.readers {
		if lacks := w.compare(r); lacks != "" {
			w.fail(converges, "%s: %s", r.name, lacks)
		}
		if wholly && len(r.rep.holds) > 0 {
			w.fail(converges, "%s still holds nodes", r.name)
		}
		for id := range r.rep.nodes {
			if wholly && !w.master.alive(id) {
				w.fail(converges, "%s shows %s, which has run out", r.name, id)
			}
		}
	}
	if !wholly {
		return
	}
	standing := w.standing()
	for _, id := range w.master.ids() {
		h := w.master.hash(id)
		if h == nil {
			if len(standing) > 0 {
				w.fail(converges, "%s has run out and is still registered", id)
			}
			continue
		}
		if c := w.claims[h.lease]; c.over || c.process.crashed {
			w.fail(converges, "%s is registered, and its process is gone", id)
		} else if h.data != w.recordOf(c.id, c.n) {
			w.fail(converges, "%s is registered with an older record", id)
		}
	}
	for _, c := range standing {
		if h := w.master.hash(c.id); h == nil || h.lease != c.lease {
			w.fail(converges, "%s is not registered, and its process lives", c.id)
		}
	}
}

// TestModel holds the promises against many runs. A run that breaks one is
// repeated, to be told step by step.
func TestModel(t *testing.T) {
	if *seedFlag != 0 {
		show(t, *seedFlag, 0, anyPlan)
		return
	}
	if seed := search(*runsFlag, 0, anyPlan); seed != 0 {
		show(t, seed, 0, anyPlan)
	}
}

// search plays runs until one breaks a promise, and returns the lowest seed that
// did, or 0.
//
// With a rule off, the same run has to break none with it.
func search(runs uint64, off rule, draw func(*rand.Rand) plan) uint64 {
	breaks := func(seed uint64, off rule) bool { return newWorld(seed, off, draw).play() != nil }
	var next, found atomic.Uint64
	found.Store(runs + 1)
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for seed := next.Add(1); seed <= runs && seed < found.Load(); seed = next.Add(1) {
				if !breaks(seed, off) || off != 0 && breaks(seed, 0) {
					continue
				}
				for low := found.Load(); seed < low && !found.CompareAndSwap(low, seed); low = found.Load() {
				}
			}
		})
	}
	wg.Wait()
	return found.Load() % (runs + 1)
}

// show repeats a run and tells what happened in it.
func show(t *testing.T, seed uint64, off rule, draw func(*rand.Rand) plan) {
	t.Helper()
	w := newWorld(seed, off, draw)
	w.tracing = true
	v := w.play()
	tail := w.trace[max(0, len(w.trace)-3000):]
	t.Logf("%s\n\nplan %+v", strings.Join(tail, "\n"), newWorld(seed, off, draw).plan)
	if v != nil {
		t.Errorf("seed %d: %v\nrepeat with: go test ./internal/replica -run TestModel -replica.seed=%d", seed, v, seed)
	}
}
