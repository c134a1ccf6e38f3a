package see

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rollcall-go/rollcall/internal/cli"
	"github.com/rollcall-go/rollcall/registry"
)

// A node is a node as it is printed: as clients see it.
type node struct {
	Namespace string            `json:"namespace"`
	Service   string            `json:"service"`
	Version   string            `json:"version,omitempty"`
	ID        string            `json:"id"`
	Network   string            `json:"network,omitempty"`
	Address   string            `json:"address"`
	Status    string            `json:"status"`
	Weight    int               `json:"weight"`
	Zone      string            `json:"zone,omitempty"`
	Metadata  map[string]string `json:"metadata,omitempty"`
	*lease
	Overrides []override `json:"overrides,omitempty"`
}

// A lease is what only a read of Redis itself knows.
type lease struct {
	Since     time.Time `json:"since"`
	LeaseEnds time.Time `json:"leaseEnds"`
	TTL       string    `json:"ttl"`
	Process   string    `json:"process"`
	Revision  uint64    `json:"revision"`

	left time.Duration
	age  time.Duration
}

func newNode(namespace, service, version string, n *registry.Node) node {
	return node{
		Namespace: namespace, Service: service, Version: version, ID: n.ID, Network: n.Network, Address: n.Address,
		Status: cli.Status(n), Weight: cli.Weight(n), Zone: n.Zone, Metadata: n.Metadata,
	}
}

func fromInfo(i *registry.NodeInfo) node {
	n := newNode(i.Namespace, i.Service, i.Version, i.Node)
	n.lease = &lease{
		Since: i.Since.UTC(), LeaseEnds: i.LeaseEnds.UTC(), TTL: i.TTL.String(), Process: i.Lease, Revision: i.Revision,
		left: i.LeaseLeft, age: i.LeaseEnds.Add(-i.LeaseLeft).Sub(i.Since),
	}
	for _, o := range i.Overrides {
		if o.InForce {
			n.Overrides = append(n.Overrides, fromOverride(o))
		}
	}
	return n
}

// nodesOf returns the nodes with these labels, by namespace, service and ID.
func nodesOf(infos []registry.NodeInfo, labels cli.Labels) []node {
	var nodes []node
	for i := range infos {
		if labels.Match(infos[i].Node.Metadata) {
			nodes = append(nodes, fromInfo(&infos[i]))
		}
	}
	slices.SortFunc(nodes, func(a, b node) int {
		return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Service, b.Service), strings.Compare(a.ID, b.ID))
	})
	return nodes
}

// key identifies a node among all.
func (n node) key() [3]string { return [3]string{n.Namespace, n.Service, n.ID} }

func statusStyle(status string) cli.Style {
	switch status {
	case cli.Up:
		return cli.Good
	case cli.Draining, cli.Idle:
		return cli.Warn
	}
	return cli.Plain
}

// baseColumns are those of every node.
func baseColumns(namespaces bool) []cli.Column[node] {
	columns := []cli.Column[node]{
		{Name: "SERVICE", Cell: func(n node) string { return n.Service }},
		{Name: "NODE", Cell: func(n node) string { return n.ID }},
		{Name: "ADDRESS", Cell: func(n node) string { return n.Address }},
		{Name: "STATUS", Cell: func(n node) string { return n.Status }, Style: func(n node) cli.Style { return statusStyle(n.Status) }},
		{Name: "WEIGHT", Cell: func(n node) string { return strconv.Itoa(n.Weight) }},
		{Name: "VERSION", Cell: func(n node) string { return n.Version }},
		{Name: "ZONE", Cell: func(n node) string { return n.Zone }},
	}
	if namespaces {
		columns = slices.Insert(columns, 0, cli.Column[node]{Name: "NAMESPACE", Cell: func(n node) string { return n.Namespace }})
	}
	return columns
}

var tagsColumn = cli.Column[node]{Name: "METADATA", Wide: true, Cell: func(n node) string { return tags(n.Metadata) }}

// nodeColumns are those of nodes read from Redis itself.
func nodeColumns(namespaces bool) []cli.Column[node] {
	return append(baseColumns(namespaces),
		cli.Column[node]{Name: "LEASE", Cell: func(n node) string { return cli.Duration(n.left) }},
		cli.Column[node]{Name: "AGE", Cell: func(n node) string { return cli.Duration(n.age) }},
		cli.Column[node]{Name: "TTL", Wide: true, Cell: func(n node) string { return n.TTL }},
		tagsColumn,
		cli.Column[node]{Name: "OVERRIDES", Wide: true, Cell: func(n node) string { return overridesText(n.Overrides) }},
	)
}

// tags returns metadata as k=v,k=v, sorted.
func tags(metadata map[string]string) string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(metadata)) {
		parts = append(parts, k+"="+metadata[k])
	}
	return strings.Join(parts, ",")
}
