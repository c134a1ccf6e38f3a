package main

import (
	"fmt"
	"go/token"
	"go/types"
	"maps"
	"slices"
	"strings"

	"golang.org/x/tools/go/ssa"
)

// A state is what a function may have done with mutexes before an instruction.
type state struct {
	held     map[string]bool // locked here
	deferred map[string]bool // locked here, until the function ends
	released bool            // one that its caller had locked is unlocked
}

func (s state) clone() state {
	return state{maps.Clone(s.held), maps.Clone(s.deferred), s.released}
}

// join adds another path to the same instruction, and reports whether that is news.
func (s *state) join(o state) bool {
	before := len(s.held) + len(s.deferred)
	maps.Copy(s.held, o.held)
	maps.Copy(s.deferred, o.deferred)
	news := len(s.held)+len(s.deferred) > before || o.released && !s.released
	s.released = s.released || o.released
	return news
}

// function follows all paths through a function. One that unlocks what it has not
// locked was called with it locked: then it follows them again from there.
func (c *checker) function(f *ssa.Function) {
	if theirs := c.walk(f, nil); len(theirs) > 0 {
		c.walk(f, theirs)
	}
}

// walk follows all paths through a function that is called with these mutexes
// locked, and returns those that it unlocks without having them.
func (c *checker) walk(f *ssa.Function, theirs map[string]bool) map[string]bool {
	w := walk{checker: c, f: f, theirs: theirs, lacking: map[string]bool{}}
	entry := state{held: map[string]bool{}, deferred: map[string]bool{}}
	maps.Copy(entry.held, theirs)
	before := map[*ssa.BasicBlock]*state{f.Blocks[0]: &entry}
	for todo := []*ssa.BasicBlock{f.Blocks[0]}; len(todo) > 0; {
		block := todo[0]
		todo = todo[1:]
		s := before[block].clone()
		for _, instr := range block.Instrs {
			w.instruction(instr, &s)
		}
		for _, next := range block.Succs {
			if before[next] == nil {
				first := s.clone()
				before[next] = &first
			} else if !before[next].join(s) {
				continue
			}
			todo = append(todo, next)
		}
	}
	return w.lacking
}

// A walk is one through one function.
type walk struct {
	*checker
	f       *ssa.Function
	theirs  map[string]bool // locked by the caller
	lacking map[string]bool // unlocked and not locked
}

func (w *walk) instruction(instr ssa.Instruction, s *state) {
	call, ok := instr.(ssa.CallInstruction)
	if !ok {
		return
	}
	common := call.Common()
	_, later := call.(*ssa.Defer)
	mutex, op := locks(common)
	switch op {
	case lock:
		if !later {
			s.held[mutex] = true
		}
		return
	case unlock:
		if !s.held[mutex] {
			w.lacking[mutex] = true
		}
		if later {
			s.deferred[mutex] = true
			return
		}
		s.released = s.released || w.theirs[mutex] || !s.held[mutex]
		delete(s.held, mutex)
		return
	}
	if _, started := call.(*ssa.Go); started {
		return
	}
	if p, ok := common.Value.(*ssa.Parameter); ok && !common.IsInvoke() && !s.released {
		w.callsParameter(slices.Index(w.f.Params, p))
	}
	what := w.effect(common)
	if what == "" {
		return
	}
	place := w.place(position(call))
	if !s.released && w.leads[w.f] == "" {
		w.leads[w.f] = fmt.Sprintf("%s (%s)", what, place)
	}
	under := s.held
	if later {
		under = s.deferred // these are unlocked after it
	}
	if w.last && len(under) > 0 {
		mutexes := strings.Join(slices.Sorted(maps.Keys(under)), " and ")
		w.found[fmt.Sprintf("%s: %s %s, under %s", place, name(w.f), what, mutexes)] = true
	}
}

// position returns where a call is. That of an iterator has no place but its loop's.
func position(call ssa.CallInstruction) token.Pos {
	if pos := call.Pos(); pos.IsValid() {
		return pos
	}
	for _, arg := range call.Common().Args {
		if f := literal(arg); f != nil {
			return f.Pos()
		}
	}
	return call.Parent().Pos()
}

func (w *walk) callsParameter(i int) {
	if w.calls[w.f] == nil {
		w.calls[w.f] = map[int]bool{}
	}
	w.calls[w.f][i] = true
}

// What a call does with a mutex.
const (
	neither = iota
	lock
	unlock
)

// locks returns the mutex that a call locks or unlocks.
func locks(call *ssa.CallCommon) (mutex string, op int) {
	method, on := "", ssa.Value(nil)
	if f := call.StaticCallee(); f != nil {
		of, m, ok := strings.Cut(f.RelString(nil), ").")
		if !ok || of != "(*sync.Mutex" && of != "(*sync.RWMutex" {
			return "", neither
		}
		method, on = m, call.Args[0]
	} else if call.IsInvoke() && call.Value.Type().String() == "sync.Locker" {
		method, on = call.Method.Name(), call.Value
	}
	switch method {
	case "Lock", "RLock":
		return path(on), lock
	case "Unlock", "RUnlock":
		return path(on), unlock
	}
	return "", neither
}

// path names a value as the source does, such as r.conn.mu.
func path(v ssa.Value) string {
	switch v := v.(type) {
	case *ssa.FieldAddr:
		field := v.X.Type().Underlying().(*types.Pointer).Elem().Underlying().(*types.Struct).Field(v.Field)
		return path(v.X) + "." + field.Name()
	case *ssa.Field:
		return path(v.X) + "." + v.X.Type().Underlying().(*types.Struct).Field(v.Field).Name()
	case *ssa.UnOp:
		return path(v.X)
	case *ssa.IndexAddr:
		return path(v.X) + "[]"
	case *ssa.Alloc:
		if v.Comment != "" && v.Comment != "new" && v.Comment != "complit" {
			return v.Comment
		}
	}
	return v.Name()
}
