package top

import (
	"bytes"
	"fmt"
	"io"

	"github.com/rollcall-go/rollcall/internal/cli"
)

// What a terminal understands (ECMA-48, and the alternate screen of xterm).
const (
	enter     = "\x1b[?1049h\x1b[?25l" // the alternate screen, without a cursor
	leave     = "\x1b[?25h\x1b[?1049l"
	home      = "\x1b[H"
	endOfLine = "\x1b[K"
	below     = "\x1b[J"
)

// A screen is a terminal that is drawn on in place.
type screen struct{ out io.Writer }

// size returns the size of the terminal in characters, or a usual one.
func (s screen) size() (width, height int) {
	if width, height, ok := cli.Size(s.out); ok {
		return width, height
	}
	return 80, 24
}

// draw shows lines in the place of the last ones, in one write, as many as fit.
func (s screen) draw(lines [][]byte, height int) error {
	var frame bytes.Buffer
	frame.WriteString(home)
	for i, line := range lines[:min(len(lines), height)] {
		if i > 0 {
			frame.WriteString("\r\n")
		}
		frame.Write(line)
		frame.WriteString(endOfLine)
	}
	frame.WriteString(below)
	_, err := s.out.Write(frame.Bytes())
	return err
}

func (s screen) enter() error { _, err := fmt.Fprint(s.out, enter); return err }
func (s screen) leave()       { fmt.Fprint(s.out, leave) }
