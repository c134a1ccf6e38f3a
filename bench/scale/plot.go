package main

import (
	"os"
	"path/filepath"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg"
)

// draw draws the figures of the runs over their nodes, one picture each.
func draw(dir string, all []result) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, picture := range []struct {
		file, title, unit string
		lines             map[string]func(r result) float64
	}{
		{"cpu.svg", "CPU of renewals", "% of a core", map[string]func(result) float64{
			"Redis, the busiest": func(r result) float64 { return slices.Max(r.RedisCPU) },
			"clients":            func(r result) float64 { return r.ClientCPU },
		}},
		{"register.svg", "Time until all are registered", "s", map[string]func(result) float64{
			"registered": func(r result) float64 { return r.Registered },
		}},
	} {
		p := plot.New()
		p.Title.Text, p.X.Label.Text, p.Y.Label.Text = picture.title, "nodes", picture.unit
		p.X.Min, p.Y.Min = 0, 0
		var lines []any
		for name, of := range picture.lines {
			points := make(plotter.XYs, len(all))
			for i, r := range all {
				points[i] = plotter.XY{X: float64(r.Nodes), Y: of(r)}
			}
			lines = append(lines, name, points)
		}
		if err := plotutil.AddLinePoints(p, lines...); err != nil {
			return err
		}
		if err := p.Save(14*vg.Centimeter, 9*vg.Centimeter, filepath.Join(dir, picture.file)); err != nil {
			return err
		}
	}
	return nil
}
