package main

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"golang.org/x/perf/benchfmt"
)

// A row is one figure of rollcall. Ratios are ours divided by that of another product: 1 is
// equal, and lower is better.
type row struct {
	Work, Unit string
	Value      float64
	Ratios     map[string]float64 `json:",omitempty"`
	Goal       string             `json:",omitempty"`

	lowest map[string]float64 // of the ratios of each turn
}

// limit is the ratio to the least that is possible, peers are those to other products, the
// best product first.
func (r row) limit() string {
	nearest, _, _ := strings.Cut(r.beside(true), ", ")
	return nearest
}

func (r row) peers() string { return r.beside(false) }

func (r row) beside(bare bool) string {
	var products []string
	for product := range r.Ratios {
		if strings.HasPrefix(product, "bare-") == bare {
			products = append(products, product)
		}
	}
	slices.SortFunc(products, func(a, b string) int {
		return cmp.Or(cmp.Compare(r.Ratios[b], r.Ratios[a]), cmp.Compare(a, b))
	})
	for i, product := range products {
		products[i] = fmt.Sprintf("%.2f (%s)", r.Ratios[product], product)
	}
	return cmp.Or(strings.Join(products, ", "), "-")
}

type figure struct{ work, unit string }

// runs holds the values of each product, for each figure in the order read.
type runs struct {
	order  []figure
	values map[figure]map[string][]float64
	about  map[string]string // the machine and the versions
}

func (r *runs) add(res *benchfmt.Result) {
	if r.values == nil {
		r.values, r.about = map[figure]map[string][]float64{}, map[string]string{}
	}
	for _, c := range res.Config {
		if c.Key != "pkg" {
			r.about[c.Key] = string(c.Value)
		}
	}
	name := strings.TrimSuffix(string(res.Name), procs(res.Name))
	work, product := "", name
	if i := strings.LastIndexByte(name, '/'); i >= 0 {
		work, product = name[:i], name[i+1:]
	}
	for _, v := range res.Values {
		f := figure{work, v.Unit}
		if r.values[f] == nil {
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

// table takes medians: of the values, and of the ratios of each turn, in which products run
// one after the other.
func (r *runs) table() (rows []row) {
	for _, f := range r.order {
		ours, ok := r.values[f]["rollcall"]
		if !ok {
			continue
		}
		row := row{
			Work: f.work, Unit: f.unit, Value: median(ours), Goal: goals[f.work+" "+f.unit],
			Ratios: map[string]float64{}, lowest: map[string]float64{},
		}
		for product, theirs := range r.values[f] {
			if ratios := turns(ours, theirs); product != "rollcall" && len(ratios) > 0 {
				row.Ratios[product], row.lowest[product] = median(ratios), slices.Min(ratios)
			}
		}
		rows = append(rows, row)
	}
	return rows
}

func median(values []float64) float64 { return slices.Sorted(slices.Values(values))[len(values)/2] }

// turns says how many times theirs ours is, in each turn. Nothing is a multiple of 0.
func turns(ours, theirs []float64) (ratios []float64) {
	for i := range min(len(ours), len(theirs)) {
		if theirs[i] > 0 {
			ratios = append(ratios, ours[i]/theirs[i])
		}
	}
	return ratios
}

// worse returns an error that names each ratio that was in every turn over twice that of the
// reference, and each that the reference has and rows have not. What else the machine does
// thus counts only if it disturbs every turn.
func worse(rows, reference []row) error {
	var errs []error
	for _, want := range reference {
		var got row
		if i := slices.IndexFunc(rows, func(r row) bool { return r.Work == want.Work && r.Unit == want.Unit }); i >= 0 {
			got = rows[i]
		}
		for _, product := range slices.Sorted(maps.Keys(want.Ratios)) {
			was := want.Ratios[product]
			is, measured := got.lowest[product]
			switch {
			case !measured:
				errs = append(errs, fmt.Errorf("%s (%s) beside %s was not measured; measure it, or take it out of the reference", want.Work, want.Unit, product))
			case is > 2*was:
				errs = append(errs, fmt.Errorf("%s (%s) is at least %.2f times %s, over twice the %.2f of the reference", want.Work, want.Unit, is, product, was))
			}
		}
	}
	return errors.Join(errs...)
}
