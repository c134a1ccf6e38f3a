package cli

import (
	"io"
	"os"

	"github.com/mattn/go-isatty"
)

// A Style is how a cell looks on a terminal.
type Style string

// The styles.
const (
	Plain  Style = ""
	Good   Style = "32"
	Warn   Style = "33"
	Bad    Style = "31"
	Faint  Style = "2"
	Strong Style = "1"
)

// On returns a text with this style.
func (s Style) On(text string) string {
	if s == Plain {
		return text
	}
	return "\x1b[" + string(s) + "m" + text + "\x1b[0m"
}

// IsTerminal reports whether the output of a command is a terminal.
func IsTerminal(w io.Writer) bool {
	f, ok := Raw(w).(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}

// Size returns the size of a terminal in characters; ok is false where w is none.
func Size(w io.Writer) (width, height int, ok bool) {
	f, is := Raw(w).(*os.File)
	if !is {
		return 0, 0, false
	}
	width, height, err := sizeOf(f)
	return width, height, err == nil && width > 0 && height > 0
}

// HasColour reports whether the output of a command may have colours: on a terminal, and
// without NO_COLOR.
func HasColour(w io.Writer) bool {
	return IsTerminal(w) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}
