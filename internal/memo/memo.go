// Package memo remembers what was made for keys: what filters leave of a view, and the pickers of
// policies.
package memo

import (
	"hash/maphash"
	"maps"
	"sync"
	"sync/atomic"
)

// What a Memo remembers: minCached keys, and more of them as long as all together hold no more
// than maxHeld nodes. A key itself counts as keyHolds of them.
const (
	minCached = 128
	maxHeld   = 1 << 18
	keyHolds  = 64
)

// A Memo remembers what was made for keys. The zero value is ready. Nearly all are settled: they are found without a
// lock, in a map that never changes. New ones are found under a lock until they are a quarter
// of all, or until calls have met them there as often as a copy of the map takes steps; then
// they are settled together. So a new key costs no copy of all others.
//
// Where it is full, keys that were not asked for again make room, so that filters which
// are made for each call do not drive out those that are in use.
//
// Sources: sync.Map of Go 1.9, for the two maps; the reference bits of "not recently used",
// Tanenbaum, "Modern Operating Systems", 1992, which are cleared here where all are set.
type Memo[K comparable, V any] struct {
	settled atomic.Pointer[map[uint64]*cached[K, V]] // by the hash of the key: cheap to copy

	mu    sync.Mutex
	fresh map[uint64]*cached[K, V]
	met   int // how often calls have met fresh ones
	held  int // by all keys
}

type cached[K comparable, V any] struct {
	k     K
	v     V
	holds int
	used  atomic.Bool // again, after it was made
}

// Get returns what was made for a key. It makes it without a lock, since make runs code of the
// user: some may be made twice at the same time, of which all get the same one. make returns
// how many nodes the value holds, too.
func (c *Memo[K, V]) Get(k K, make func() (v V, holds int)) V {
	hash := maphash.Comparable(hashSeed, k)
	if e := find(c.all(), hash, k); e != nil {
		if !e.used.Load() {
			e.used.Store(true)
		}
		return e.v
	}
	if e := c.meet(hash, k); e != nil {
		return e.v
	}
	v, holds := make()
	return c.add(hash, &cached[K, V]{k: k, v: v, holds: holds + keyHolds}).v
}

// Known returns what was made for a key, or the zero value.
func (c *Memo[K, V]) Known(k K) (v V) {
	hash := maphash.Comparable(hashSeed, k)
	e := find(c.all(), hash, k)
	if e == nil {
		e = c.meet(hash, k)
	}
	if e != nil {
		v = e.v
	}
	return v
}

// Empty says whether nothing was made yet.
func (c *Memo[K, V]) Empty() bool { return c.settled.Load() == nil }

var hashSeed = maphash.MakeSeed()

// all returns the settled keys.
func (c *Memo[K, V]) all() map[uint64]*cached[K, V] {
	if settled := c.settled.Load(); settled != nil {
		return *settled
	}
	return nil
}

func find[K comparable, V any](in map[uint64]*cached[K, V], hash uint64, k K) *cached[K, V] {
	if e := in[hash]; e != nil && e.k == k { // of two with one hash, the later one stays
		return e
	}
	return nil
}

// meet finds a key that is fresh.
func (c *Memo[K, V]) meet(hash uint64, k K) *cached[K, V] {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := find(c.fresh, hash, k)
	if e == nil {
		return nil
	}
	e.used.Store(true)
	if c.met++; c.met > len(c.all())+len(c.fresh) {
		c.settle()
	}
	return e
}

// add remembers a new key. It returns what another call has added meanwhile, if one has.
func (c *Memo[K, V]) add(hash uint64, e *cached[K, V]) *cached[K, V] {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, in := range []map[uint64]*cached[K, V]{c.all(), c.fresh} {
		if other := find(in, hash, e.k); other != nil {
			return other
		}
	}
	if c.fresh == nil {
		c.fresh = map[uint64]*cached[K, V]{}
	}
	c.fresh[hash] = e
	c.held += e.holds
	if 4*len(c.fresh) > len(c.all()) || c.full() {
		c.settle()
	}
	return e
}

func (c *Memo[K, V]) full() bool {
	return len(c.all())+len(c.fresh) > minCached && c.held > maxHeld
}

// settle settles what is fresh, and makes room where it is full: then a quarter is free,
// so that the next keys need no copy each. mu is held.
func (c *Memo[K, V]) settle() {
	next := maps.Clone(c.all())
	if next == nil {
		next = map[uint64]*cached[K, V]{}
	}
	maps.Copy(next, c.fresh)
	held := 0 // of two keys with one hash, one is left
	for _, e := range next {
		held += e.holds
	}
	if c.full() {
		held = evict(next, held)
	}
	c.held, c.met = held, 0
	clear(c.fresh)
	c.settled.Store(&next)
}

// evict takes out keys until a quarter is free: those that were not used again first. It takes
// and returns what they hold together.
func evict[K comparable, V any](made map[uint64]*cached[K, V], held int) int {
	for _, unused := range []bool{true, false} {
		for hash, e := range made { // begins anywhere
			if len(made) <= minCached*3/4 || held <= maxHeld*3/4 {
				return held
			}
			if !unused || !e.used.Load() {
				delete(made, hash)
				held -= e.holds
			}
		}
		for _, e := range made {
			e.used.Store(false)
		}
	}
	return held
}
