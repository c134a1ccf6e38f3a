package cli

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/mattn/go-runewidth"
)

// A Column is a column of a table of Ts.
type Column[T any] struct {
	Name  string
	Wide  bool // only with -o wide
	Cell  func(T) string
	Style func(T) Style // nil: plain
}

// A Printer prints Ts, in a table or as the flag -o says.
type Printer[T any] struct {
	out     io.Writer
	output  *Output
	columns []Column[T]
	widths  []int // nil before the header
	colour  bool
}

// NewPrinter returns a printer to the output of a command.
func NewPrinter[T any](out io.Writer, output *Output, columns []Column[T]) *Printer[T] {
	p := &Printer[T]{out: out, output: output, colour: HasColour(out)}
	for _, c := range columns {
		if !c.Wide || output.Wide() {
			p.columns = append(p.columns, c)
		}
	}
	return p
}

// All prints a whole list: a table, or one list of JSON or YAML.
func (p *Printer[T]) All(items []T) error {
	if p.output.Table() {
		return p.rows(items)
	}
	if items == nil {
		items = []T{}
	}
	return p.output.Write(p.out, items)
}

// More prints items of a stream: rows, the first time below a header, or one JSON or YAML
// document for each.
func (p *Printer[T]) More(items ...T) error {
	if p.output.Table() {
		return p.rows(items)
	}
	for _, item := range items {
		if err := p.output.WriteLine(p.out, item); err != nil {
			return err
		}
	}
	return nil
}

func (p *Printer[T]) rows(items []T) error {
	header := p.widths == nil
	if header && len(items) == 0 {
		return nil
	}
	cells := make([][]string, len(items))
	if header {
		p.widths = make([]int, len(p.columns))
		for i, c := range p.columns {
			p.widths[i] = len(c.Name)
		}
	}
	for i, item := range items {
		cells[i] = make([]string, len(p.columns))
		for j, c := range p.columns {
			text := Text(c.Cell(item))
			if text == "" {
				text = "-"
			}
			cells[i][j] = text
			p.widths[j] = max(p.widths[j], runewidth.StringWidth(text))
		}
	}
	w := bufio.NewWriter(Raw(p.out)) // cells are safe, and styles are not to be shown
	if header {
		for i, c := range p.columns {
			p.cell(w, i, c.Name, Strong)
		}
	}
	for i, item := range items {
		for j, c := range p.columns {
			style := Plain
			if c.Style != nil {
				style = c.Style(item)
			}
			p.cell(w, j, cells[i][j], style)
		}
	}
	return w.Flush()
}

// cell writes a cell and the gap or the end of the line after it.
func (p *Printer[T]) cell(w io.Writer, column int, text string, style Style) {
	gap := "\n"
	if column < len(p.columns)-1 {
		gap = strings.Repeat(" ", max(0, p.widths[column]-runewidth.StringWidth(text))+2)
	}
	if p.colour {
		text = style.On(text)
	}
	fmt.Fprint(w, text, gap)
}
