package see

import (
	"slices"
	"strconv"
	"strings"

	"github.com/rollcall-go/rollcall/internal/cli"
)

// A service is the nodes of a service, counted.
type service struct {
	Namespace string   `json:"namespace"`
	Service   string   `json:"service"`
	Versions  []string `json:"versions"`
	Nodes     int      `json:"nodes"`
	Up        int      `json:"up"`
	Draining  int      `json:"draining"`
	Idle      int      `json:"idle"` // of weight 0
	Zones     []string `json:"zones"`
}

// count counts nodes by service, in the order in which the services come.
func count(nodes []node) []service {
	var counted []service
	at := map[[2]string]int{}
	for _, n := range nodes {
		key := [2]string{n.Namespace, n.Service}
		i, ok := at[key]
		if !ok {
			i = len(counted)
			at[key] = i
			counted = append(counted, service{Namespace: n.Namespace, Service: n.Service, Versions: []string{}, Zones: []string{}})
		}
		counted[i].add(n)
	}
	for i := range counted {
		slices.Sort(counted[i].Versions)
		slices.Sort(counted[i].Zones)
	}
	return counted
}

func (s *service) add(n node) {
	s.Nodes++
	switch n.Status {
	case cli.Draining:
		s.Draining++
	case cli.Idle:
		s.Idle++
	default:
		s.Up++
	}
	addOnce(&s.Versions, n.Version)
	addOnce(&s.Zones, n.Zone)
}

func addOnce(to *[]string, s string) {
	if s != "" && !slices.Contains(*to, s) {
		*to = append(*to, s)
	}
}

func serviceColumns(namespaces bool) []cli.Column[service] {
	columns := []cli.Column[service]{
		{Name: "SERVICE", Cell: func(s service) string { return s.Service }},
		{Name: "NODES", Cell: func(s service) string { return strconv.Itoa(s.Nodes) }},
		{Name: "UP", Cell: func(s service) string { return strconv.Itoa(s.Up) }, Style: func(s service) cli.Style {
			if s.Up == 0 {
				return cli.Bad
			}
			return cli.Good
		}},
		{Name: "DRAINING", Cell: func(s service) string { return strconv.Itoa(s.Draining) }},
		{Name: "IDLE", Wide: true, Cell: func(s service) string { return strconv.Itoa(s.Idle) }},
		{Name: "VERSIONS", Cell: func(s service) string { return strings.Join(s.Versions, ",") }},
		{Name: "ZONES", Wide: true, Cell: func(s service) string { return strings.Join(s.Zones, ",") }},
	}
	if namespaces {
		columns = slices.Insert(columns, 0, cli.Column[service]{Name: "NAMESPACE", Cell: func(s service) string { return s.Namespace }})
	}
	return columns
}
