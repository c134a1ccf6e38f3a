package registry

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/rollcall-go/rollcall/internal/errdefs"
	"github.com/rollcall-go/rollcall/internal/keys"
	"github.com/rollcall-go/rollcall/internal/lifecycle"
	"github.com/rollcall-go/rollcall/internal/plan"
	"github.com/rollcall-go/rollcall/internal/record"
)

// maxName is the longest name, version, namespace or id, in bytes.
const maxName = 255

// newPlan checks everything that Register was given. Nothing has been written
// when it refuses.
func newPlan(s *Service, o registerOptions, in Options, space keys.Space) (*plan.Plan, error) {
	if s == nil {
		return nil, errdefs.Invalid("Service", "is nil")
	}
	o.namespace = cmp.Or(o.namespace, s.Namespace, in.Namespace)
	if err := o.lease(s, in); err != nil {
		return nil, err
	}
	if err := cmp.Or(checkNamespace("Namespace", o.namespace), checkName("Name", s.Name)); err != nil {
		return nil, err
	}
	if err := checkText("Version", s.Version); err != nil {
		return nil, err
	}
	if len(s.Nodes) == 0 {
		return nil, errdefs.Invalid("Nodes", "there are none to register")
	}
	shared, err := serviceRecord(s, o.ttl)
	if err != nil {
		return nil, err
	}
	apis := bytes.Clone(s.APIs) // kept as long as the nodes are registered; the caller may change his own
	seen := make(map[string]bool, len(s.Nodes))
	var nodes []plan.Node
	for i, n := range s.Nodes {
		field := fmt.Sprintf("Nodes[%d]", i)
		if err := checkNode(field, n); err != nil {
			return nil, err
		}
		id := cmp.Or(n.ID, n.Address)
		if seen[id] {
			return nil, errdefs.Invalid(field+".ID", "%q is there twice", id)
		}
		seen[id] = true
		data, err := nodeRecord(shared, n).Encode()
		if err != nil {
			return nil, errdefs.Invalid(field, "%v", err)
		}
		nodes = append(nodes, plan.Node{ID: id, Data: data, APIs: apis})
	}
	return &plan.Plan{
		Service: space.Service(o.namespace, s.Name), Version: s.Version, Nodes: nodes, TTL: o.ttl, Interval: o.interval,
		Exclusive: o.exclusive, Manual: o.manual, Retry: o.retry, Check: o.check, OnState: o.reports(s.Name),
	}, nil
}

// reports is OnState as the registrar calls it, or nil.
func (o *registerOptions) reports(name string) func(lifecycle.State, error) {
	if o.onState == nil {
		return nil
	}
	namespace, onState := o.namespace, o.onState
	return func(s lifecycle.State, err error) { onState(State(s), failure("renew", namespace, name, err)) }
}

// lease works out TTL and interval: the call's over the service's over the
// registry's. The registry's interval counts where it suits the TTL.
func (o *registerOptions) lease(s *Service, in Options) error {
	field := "RegisterTTL"
	if o.ttl == 0 {
		field, o.ttl = "TTL", s.TTL
	}
	def(&o.ttl, in.TTL)
	if err := checkLease(field, o.ttl, "RegisterInterval", o.interval); err != nil {
		return err
	}
	o.ttl = o.ttl.Truncate(time.Millisecond)
	if o.interval == 0 {
		o.interval = o.ttl / 3
		if in.Interval > 0 && in.Interval <= o.ttl/2 {
			o.interval = in.Interval
		}
	}
	if o.manual && o.retry {
		return errdefs.Invalid("RegisterManual", "cannot go on in the background as RegisterRetry asks")
	}
	return nil
}

// serviceRecord is what the records of all nodes of s share.
func serviceRecord(s *Service, ttl time.Duration) (record.Node, error) {
	r := record.Node{Version: s.Version, ServiceMetadata: s.Metadata, TTL: ttl}
	budget := record.MaxNode // more values than bytes cannot fit
	for i, e := range s.Endpoints {
		field := fmt.Sprintf("Endpoints[%d]", i)
		if e == nil {
			return r, errdefs.Invalid(field, "is nil")
		}
		request, err := toValue(e.Request, &budget)
		if err != nil {
			return r, errdefs.Invalid(field+".Request", "%v", err)
		}
		response, err := toValue(e.Response, &budget)
		if err != nil {
			return r, errdefs.Invalid(field+".Response", "%v", err)
		}
		r.Endpoints = append(r.Endpoints, record.Endpoint{Name: e.Name, Request: request, Response: response, Metadata: e.Metadata})
	}
	if s.APIs != nil {
		if len(s.APIs) > record.MaxAPIs {
			return r, errdefs.Invalid("APIs", "%d bytes are over %d", len(s.APIs), record.MaxAPIs)
		}
		if !json.Valid(s.APIs) {
			return r, errdefs.Invalid("APIs", "is not JSON")
		}
		r.APIs = apisHash(s.APIs)
	}
	return r, nil
}

func apisHash(document []byte) string {
	sum := sha256.Sum256(document)
	return hex.EncodeToString(sum[:])
}

func checkNode(field string, n *Node) error {
	if n == nil {
		return errdefs.Invalid(field, "is nil")
	}
	if err := cmp.Or(checkText(field+".ID", n.ID), checkText(field+".Zone", n.Zone)); err != nil {
		return err
	}
	if n.Weight < NoTraffic {
		return errdefs.Invalid(field+".Weight", "%d is negative; for no calls set NoTraffic, %d", n.Weight, NoTraffic)
	}
	if n.Status != Up && n.Status != Draining {
		return errdefs.Invalid(field+".Status", "%d is neither Up nor Draining", n.Status)
	}
	return checkAddress(field, n.Network, n.Address)
}

// checkNamespace takes a name, but not "*", which means all where one reads.
func checkNamespace(field, ns string) error {
	if ns == keys.AllNamespaces {
		return errdefs.Invalid(field, "* means all namespaces, and only reads may use it")
	}
	return checkName(field, keys.Namespace(ns))
}

func checkName(field, s string) error {
	if s == "" {
		return errdefs.Invalid(field, "is empty")
	}
	return checkText(field, s)
}

func checkText(field, s string) error {
	switch {
	case len(s) > maxName:
		return errdefs.Invalid(field, "%d bytes are over %d", len(s), maxName)
	case !utf8.ValidString(s):
		return errdefs.Invalid(field, "%q is not UTF-8", s)
	case strings.ContainsFunc(s, unicode.IsControl):
		return errdefs.Invalid(field, "%q holds a control character", s)
	}
	return nil
}
