package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/perf/benchfmt"
)

// A row is one figure of rollcall. Ratios are ours divided by the other's: 1 is equal,
// and lower is better.
type row struct {
	Work, Unit  string
	Value       float64
	Limit, Peer ratio
}

// A ratio is to one other product, or empty where there is none.
type ratio struct {
	Product string  `json:",omitempty"`
	Times   float64 `json:",omitempty"`
}

func (r ratio) String() string {
	if r.Product == "" {
		return "-"
	}
	return fmt.Sprintf("%.2f (%s)", r.Times, r.Product)
}

type figure struct{ work, unit string }

// runs holds the values of each product, for each figure in the order read.
type runs struct {
	order  []figure
	values map[figure]map[string][]float64
}

func (r *runs) add(res *benchfmt.Result) {
	name := strings.TrimSuffix(string(res.Name), procs(res.Name))
	work, product := "", name
	if i := strings.LastIndexByte(name, '/'); i >= 0 {
		work, product = name[:i], name[i+1:]
	}
	for _, v := range res.Values {
		f := figure{work, v.Unit}
		if r.values[f] == nil {
			if r.values == nil {
				r.values = map[figure]map[string][]float64{}
			}
			r.values[f] = map[string][]float64{}
			r.order = append(r.order, f)
		}
		r.values[f][product] = append(r.values[f][product], v.Value)
	}
}

// procs is the suffix -N of a name, the number of processors.
func procs(n benchfmt.Name) string {
	_, parts := n.Parts()
	if len(parts) == 0 || parts[len(parts)-1][0] != '-' {
		return ""
	}
	return string(parts[len(parts)-1])
}

func (r *runs) table(best bool) (rows []row) {
	one := func(runs []float64) float64 {
		sorted := slices.Sorted(slices.Values(runs))
		if best {
			return sorted[0]
		}
		return sorted[len(sorted)/2]
	}
	for _, f := range r.order {
		ours, ok := r.values[f]["rollcall"]
		if !ok {
			continue
		}
		row := row{Work: f.work, Unit: f.unit, Value: one(ours)}
		for product, runs := range r.values[f] {
			to := &row.Peer
			if strings.HasPrefix(product, "bare-") {
				to = &row.Limit
			} else if product == "rollcall" {
				continue
			}
			if v := one(runs); v > 0 && (to.Product == "" || row.Value/v > to.Times) {
				*to = ratio{product, row.Value / v}
			}
		}
		rows = append(rows, row)
	}
	return rows
}

// worse returns an error that names each ratio over twice that of the reference, and each
// that the reference has and rows have not.
func worse(rows, reference []row) error {
	var errs []error
	for _, want := range reference {
		i := slices.IndexFunc(rows, func(r row) bool { return r.Work == want.Work && r.Unit == want.Unit })
		if i < 0 {
			errs = append(errs, fmt.Errorf("%s (%s) was not measured; measure it, or take it out of the reference", want.Work, want.Unit))
			continue
		}
		for _, c := range []struct{ got, want ratio }{{rows[i].Limit, want.Limit}, {rows[i].Peer, want.Peer}} {
			if cmp.Compare(c.got.Times, 2*c.want.Times) > 0 && c.want.Product != "" {
				errs = append(errs, fmt.Errorf("%s (%s) is %s, over twice the reference %s", want.Work, want.Unit, c.got, c.want))
			}
		}
	}
	return errors.Join(errs...)
}
