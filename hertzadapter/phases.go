package hertzadapter

import (
	"context"
	"runtime"
	"sync"
	"weak"

	hertzregistry "github.com/cloudwego/hertz/pkg/app/server/registry"
	"github.com/rs/zerolog"
)

// A phase is how far an Info has come, before or after it is live.
type phase int

const (
	fresh phase = iota // neither Register nor Deregister was called
	early              // Deregister was called, and its Register is still to come
	met                // Register was called: a Deregister that finds nothing is one too many
)

// phases holds the phase of each Info that the program still holds. An Info that was
// garbage collected cannot be registered again, so its entry is removed.
type phases struct {
	mu *sync.Mutex // of the registrar
	of map[weak.Pointer[hertzregistry.Info]]phase
}

func newPhases(mu *sync.Mutex) phases {
	return phases{mu, make(map[weak.Pointer[hertzregistry.Info]]phase)}
}

// get returns the phase of an Info. mu is held.
func (p phases) get(info *hertzregistry.Info) phase { return p.of[weak.Make(info)] }

// set changes the phase of an Info. mu is held.
func (p phases) set(info *hertzregistry.Info, to phase) {
	key := weak.Make(info)
	if _, known := p.of[key]; !known {
		runtime.AddCleanup(info, p.forget, key)
	}
	p.of[key] = to
}

func (p phases) forget(key weak.Pointer[hertzregistry.Info]) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.of, key)
}

// begin enters reg in place of what was entered for info, and takes the registry
// once for both. With errEarly, a Deregister of info was there first.
func (a *registrar) begin(info *hertzregistry.Info, reg *registration, log zerolog.Logger) (old *registration, err error) {
	if a.early(info) {
		return nil, errEarly
	}
	reg.r = a.holder.take()
	reg.mirror, err = a.mirror(reg, log) // calls options of the registry, which may be the user's
	old, err = a.enter(info, reg, err)
	if err != nil || old != nil {
		a.release(context.Background(), log)
	}
	return old, err
}

// early reports, once, that a Deregister of info came before its Register.
func (a *registrar) early(info *hertzregistry.Info) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.phases.get(info) != early {
		return false
	}
	a.phases.set(info, met)
	return true
}

// enter enters reg. Where it replaces nothing, it fails if reg could not be made.
func (a *registrar) enter(info *hertzregistry.Info, reg *registration, made error) (old *registration, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	was := a.phases.get(info)
	a.phases.set(info, met)
	if was == early {
		return nil, errEarly
	}
	old = a.live[keyOf(info)]
	switch {
	case old != nil:
		reg.r, reg.mirror, reg.before = old.r, old.mirror, old
	case made != nil:
		return nil, made
	}
	a.live[keyOf(info)] = reg
	return old, nil
}

// mirror makes what shows reg in the community's layout, or nil.
func (a *registrar) mirror(reg *registration, log zerolog.Logger) (*mirror, error) {
	switch {
	case missing(reg.r):
		return nil, invalid("NewRegistry was given no registry")
	case !a.o.community || reg.service.Nodes[0].Network != "tcp":
		return nil, nil
	}
	return newMirror(reg.r, reg.service, a.o, log)
}

// succeeded notes that reg is registered, so that undo does not put back one before it.
func (a *registrar) succeeded(reg *registration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	reg.before = nil
}

// undo puts back what begin replaced by reg. It is true if there was no
// registration, and the registry has to be released.
func (a *registrar) undo(info *hertzregistry.Info, reg *registration) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	reg.failed = true
	if a.live[keyOf(info)] != reg { // replaced in its turn, or deregistered
		return false
	}
	old := reg.before
	for old != nil && old.failed {
		old = old.before
	}
	if old != nil {
		a.live[keyOf(info)] = old
		return false
	}
	delete(a.live, keyOf(info))
	return true
}

// end takes out what is entered for info, with all whose Register may be under way. If
// that is nothing, and info never came before, it notes that the Register of info comes
// too late.
func (a *registrar) end(info *hertzregistry.Info) (reg *registration, under []*registration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	reg = a.live[keyOf(info)]
	switch {
	case a.phases.get(info) != fresh:
	case reg != nil: // by an equal Info
		a.phases.set(info, met)
	default:
		a.phases.set(info, early)
	}
	delete(a.live, keyOf(info))
	for r := reg; r != nil; r = r.before {
		under = append(under, r)
	}
	return reg, under
}

func (a *registrar) release(ctx context.Context, log zerolog.Logger) {
	if err := a.holder.release(ctx); err != nil {
		log.Warn().Err(err).Msg("rollcall: the registry cannot be closed as it should")
	}
}
