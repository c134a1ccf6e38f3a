package replica

import (
	"maps"
	"math/rand/v2"
	"slices"
	"time"
)

// A plan is what one run is like.
type plan struct {
	ttl       time.Duration // of every lease
	poll      time.Duration // the longest time between two
	length    time.Duration // of the time of trouble
	readers   int
	processes int           // at first
	log       int           // entries that the log holds
	retired   time.Duration // how long version and log outlive the last node
	faultless bool
	flapping  bool // Redis is stopped again and again
	odds

	faults     []fault
	faultEvery time.Duration // on average
	deeds      []deed
	deedEvery  time.Duration
}

// day is how long the history of a service without nodes is kept. In most runs
// that means for good, and in some it is but seconds.
const day = 24 * time.Hour

// odds are how often something goes wrong that no host is informed of, from 0 to 1.
type odds struct {
	loss      float64 // an event is lost,
	repeat    float64 // comes twice,
	reorder   float64 // comes late
	slow      float64 // a call takes long
	hang      float64 // a call of a script takes very long,
	copies    float64 // is executed twice
	lateReaps float64 // a reap comes once more, much later
	guesses   float64 // the start of a lease is guessed
	ahead     float64 // by an estimate that is far ahead, though Redis's clock was not set
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
		retired:    []time.Duration{day, day, time.Duration(rng.IntN(20_000)) * time.Millisecond}[rng.IntN(3)],
	}
	p.guesses = []float64{0, 0.5, 0.9}[rng.IntN(3)]
	if p.faultless = rng.IntN(8) == 0; p.faultless {
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
	w.plan.odds = odds{}
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
		if wholly && len(r.rep.holds)+len(r.rep.lives) > 0 {
			w.fail(converges, "%s still holds nodes", r.name)
		}
		for _, id := range slices.Sorted(maps.Keys(r.rep.nodes)) {
			if wholly && !w.master.alive(id) {
				w.fail(converges, "%s shows %s, which has run out", r.name, id)
			}
		}
	}
	if !wholly {
		return
	}
	live := w.liveClaims()
	for _, id := range w.master.ids() {
		h := w.master.hash(id)
		if h == nil {
			if len(live) > 0 {
				w.fail(converges, "%s has run out and is still registered", id)
			}
			continue
		}
		if c := w.claims[h.lease]; c.Over() || c.process.crashed {
			w.fail(converges, "%s is registered, and its process is gone", id)
		} else if h.data != w.recordOf(c.id, c.n) {
			w.fail(converges, "%s is registered with an older record", id)
		}
	}
	for _, c := range live {
		if h := w.master.hash(c.id); h == nil || h.lease != c.lease {
			w.fail(converges, "%s is not registered, and its process lives", c.id)
		}
	}
}
