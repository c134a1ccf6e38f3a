package see

import (
	"bytes"
	"fmt"

	"github.com/rollcall-go/rollcall/internal/cli"
)

// A page is a description for people: headings and lines.
type page struct{ bytes.Buffer }

// line prints a field, unless it is empty.
func (p *page) line(name, value string, style cli.Style, colour bool) {
	if value == "" {
		return
	}
	value = cli.Text(value)
	if colour {
		value = style.On(value)
	}
	fmt.Fprintf(p, "%-12s %s\n", name+":", value)
}

// field prints a plain field, unless it is empty.
func (p *page) field(name, value string) { p.line(name, value, cli.Plain, false) }

// list prints a heading and lines below it, or nothing where there are none.
func (p *page) list(name string, lines []string) {
	if len(lines) == 0 {
		return
	}
	fmt.Fprintf(p, "%s:\n", name)
	for _, line := range lines {
		fmt.Fprintf(p, "  %s\n", cli.Text(line))
	}
}
