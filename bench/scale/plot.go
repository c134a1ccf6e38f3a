package main

import (
	"os"
	"path/filepath"
	"slices"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg"
)

// A line is one line of a picture.
type line struct {
	name string
	of   func(r result) float64
}

// draw draws the figures of the runs over their nodes, one picture each.
func draw(dir string, all []result) error {
	for _, picture := range []struct {
		file, title, unit string
		lines             []line
	}{
		{"cpu.svg", "CPU of renewals", "% of a core", []line{
			{"Redis, the busiest", func(r result) float64 { return slices.Max(r.RedisCPU) }},
			{"clients", func(r result) float64 { return r.ClientCPU }},
		}},
		{"register.svg", "Time until all are registered", "s", []line{
			{"registered", func(r result) float64 { return r.Registered }},
		}},
	} {
		p := newPlot(picture.title, picture.unit)
		p.X.Min, p.Y.Min = 0, 0
		for i, l := range picture.lines {
			points := make(plotter.XYs, len(all))
			for j, r := range all {
				points[j] = plotter.XY{X: float64(r.Nodes), Y: l.of(r)}
			}
			if err := addPoints(p, i, l.name, points); err != nil {
				return err
			}
			if err := addLine(p, i, points); err != nil {
				return err
			}
		}
		if err := save(p, dir, picture.file); err != nil {
			return err
		}
	}
	return nil
}

// drawCapacity draws what Redis spent on renewals, as points, and what the parts predict for
// up to a million nodes, as lines. Both axes are logarithmic.
func drawCapacity(dir string, all []result, p parts, interval time.Duration) error {
	picture := newPlot("CPU of renewals in one Redis: points are runs, lines the model", "% of a core")
	picture.X.Scale, picture.Y.Scale = plot.LogScale{}, plot.LogScale{}
	picture.X.Tick.Marker, picture.Y.Tick.Marker = plot.LogTicks{Prec: -1}, plot.LogTicks{Prec: -1}
	for i, layout := range []string{"together", "spread"} {
		var points, predicted plotter.XYs
		for _, r := range all {
			if r.Layout == layout {
				points = append(points, plotter.XY{X: float64(r.Nodes), Y: r.RedisCPU[0]})
			}
		}
		r := result{Services: 1000, Registries: 20, Layout: layout}
		for n := 1000.0; n <= 1.01e6; n *= 1.25893 { // ten steps to a decade
			predicted = append(predicted, plotter.XY{X: n, Y: p.cpu(int(n), r, interval)})
		}
		if err := addPoints(picture, i, layout, points); err != nil {
			return err
		}
		if err := addLine(picture, i, predicted); err != nil {
			return err
		}
	}
	return save(picture, dir, "capacity.svg")
}

func newPlot(title, unit string) *plot.Plot {
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = title, "nodes", unit
	p.Legend.Top, p.Legend.Left = true, true
	return p
}

func addPoints(p *plot.Plot, i int, name string, points plotter.XYs) error {
	s, err := plotter.NewScatter(points)
	if err != nil {
		return err
	}
	s.Color, s.Shape = plotutil.Color(i), plotutil.Shape(i)
	p.Add(s)
	p.Legend.Add(name, s)
	return nil
}

func addLine(p *plot.Plot, i int, points plotter.XYs) error {
	l, err := plotter.NewLine(points)
	if err != nil {
		return err
	}
	l.Color = plotutil.Color(i)
	p.Add(l)
	return nil
}

func save(p *plot.Plot, dir, file string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return p.Save(14*vg.Centimeter, 9*vg.Centimeter, filepath.Join(dir, file))
}
