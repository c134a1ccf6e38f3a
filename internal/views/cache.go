package views

import (
	"hash/maphash"
	"maps"
	"sync"
	"sync/atomic"
)

// maxCached is how many selections a table remembers, and how many balancers a set.
const maxCached = 128

// A cache remembers what was made for up to maxCached keys. What is found there takes no
// lock. Where it is full, one that was asked for only once makes room for another, so that
// filters which are made for each call do not drive out those that are in use. Where all
// were asked for again, that counts no more.
//
// Source: the reference bits of "not recently used", Tanenbaum, "Modern Operating
// Systems", 1992, which are cleared here once all of them are set.
type cache[K comparable, V any] struct {
	mu   sync.Mutex                               // of those who add
	made atomic.Pointer[map[uint64]*cached[K, V]] // by the hash of the key: cheap to copy
}

type cached[K comparable, V any] struct {
	k    K
	v    V
	used atomic.Bool // again, after it was made
}

// get returns what was made for a key. It makes it without a lock, since make runs code
// of the user: some may be made twice at the same time, of which all get the same one.
func (c *cache[K, V]) get(k K, make func() V) V {
	hash := maphash.Comparable(hashSeed, k)
	if e := c.find(hash, k); e != nil {
		if !e.used.Load() {
			e.used.Store(true)
		}
		return e.v
	}
	v := make()
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.find(hash, k); e != nil {
		return e.v
	}
	next := map[uint64]*cached[K, V]{}
	if made := c.made.Load(); made != nil {
		next = maps.Clone(*made)
	}
	if len(next) == maxCached {
		evict(next)
	}
	next[hash] = &cached[K, V]{k: k, v: v}
	c.made.Store(&next)
	return v
}

var hashSeed = maphash.MakeSeed()

func (c *cache[K, V]) find(hash uint64, k K) *cached[K, V] {
	if made := c.made.Load(); made != nil {
		if e := (*made)[hash]; e != nil && e.k == k { // of two with one hash, the later one stays
			return e
		}
	}
	return nil
}

// evict takes one out that was not used again.
func evict[K comparable, V any](made map[uint64]*cached[K, V]) {
	var victim uint64
	for k, e := range made { // begins anywhere
		if victim = k; !e.used.Load() {
			delete(made, victim)
			return
		}
	}
	for _, e := range made {
		e.used.Store(false)
	}
	delete(made, victim)
}
