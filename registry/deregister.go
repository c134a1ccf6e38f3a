package registry

import (
	"cmp"
	"context"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rollcall-go/rollcall/internal/errdefs"
	"github.com/rollcall-go/rollcall/internal/record"
	"github.com/rollcall-go/rollcall/internal/registrar"
)

// Deregister removes nodes of s that this registry registered: those in s.Nodes, or, if that
// is empty, all of the service, or all of s.Version if that is set. Their renewal stops in
// any case. A node that is already gone, that another process holds, or that this registry
// never registered, is no error, and is left as it is.
//
// Deregister ends with ctx, or after Options.Timeout if ctx has no deadline. If ctx is over
// before, it takes up to 2 s, or Options.Timeout if that is shorter. With ErrUnavailable, and
// if ctx ends before Redis has answered, the registry goes on trying until the leases have
// ended.
func (r *Redis) Deregister(ctx context.Context, s *Service, opts ...DeregisterOption) error {
	o := apply(opts)
	call := operation{op: "deregister", namespace: o.namespace, withdraws: true}
	if s != nil {
		call.namespace, call.service = cmp.Or(o.namespace, s.Namespace), s.Name
	}
	var which registrar.Selector
	var note string
	call.prepare = func(op *operation) (err error) {
		if which, err = chosen(s, op.namespace); err == nil && o.reason != "" {
			note, err = record.Note{Reason: plainReason(o.reason)}.Encode()
		}
		return err
	}
	_, err := run(ctx, r, call, func(ctx context.Context, op *operation) (struct{}, error) {
		return struct{}{}, op.c.registrar.Deregister(ctx, op.c.Space.Service(op.namespace, op.service), note, which)
	})
	return err
}

// plainReason makes a text one that checkReason takes.
func plainReason(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	for len(s) > maxReason {
		_, last := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-last]
	}
	return s
}

// chosen returns the nodes of a service that a Deregister means.
func chosen(s *Service, namespace string) (registrar.Selector, error) {
	if s == nil {
		return nil, errdefs.Invalid("Service", "is nil")
	}
	if err := cmp.Or(checkNamespace("Namespace", namespace), checkName("Name", s.Name)); err != nil {
		return nil, err
	}
	named := map[string]bool{}
	for _, n := range s.Nodes {
		if n == nil {
			return nil, errdefs.Invalid("Nodes", "one is nil")
		}
		named[cmp.Or(n.ID, n.Address)] = true
	}
	if len(named) > 0 {
		return func(id, _ string) bool { return named[id] }, nil
	}
	version := s.Version
	return func(_, v string) bool { return version == "" || version == v }, nil
}
