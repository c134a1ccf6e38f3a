package cli

import (
	"fmt"
	"io"
	"strconv"
	"unicode"
	"unicode/utf8"
)

// Text returns a name, a reason or a tag as it is fit for a terminal: as it is if all of
// it can be printed, else as a Go string in quotes, "\x1b[2J", so that escape sequences,
// control characters and marks that turn the direction of a line are seen.
func Text(s string) string {
	if s != "" && s[0] == '"' || !printable(s) {
		return strconv.Quote(s)
	}
	return s
}

func printable(s string) bool {
	for i, r := range s {
		if !unicode.IsPrint(r) {
			return false
		}
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(s[i:]); size == 1 {
				return false
			}
		}
	}
	return true
}

// A guard is a writer that shows control characters, but for the ends of lines and tabs,
// instead of sending them on.
type guard struct {
	w    io.Writer
	rest []byte // the beginning of a character whose end is still to be written
}

func guarded(w io.Writer) *guard { return &guard{w: w} }

// Raw returns the writer behind that of a command, which sends on everything: for what
// the program itself draws, and for the output of other programs.
func Raw(w io.Writer) io.Writer {
	if g, ok := w.(*guard); ok {
		return g.w
	}
	return w
}

// Write sends p on.
func (g *guard) Write(p []byte) (int, error) {
	in := append(g.rest, p...)
	g.rest = nil
	out := make([]byte, 0, len(in))
	for len(in) > 0 {
		if !utf8.FullRune(in) {
			g.rest = append(g.rest, in...)
			break
		}
		r, size := utf8.DecodeRune(in)
		switch {
		case r == utf8.RuneError && size == 1:
			out = fmt.Appendf(out, `\x%02x`, in[0])
		case r == '\n' || r == '\t' || unicode.IsPrint(r):
			out = append(out, in[:size]...)
		default:
			quoted := strconv.QuoteRune(r)
			out = append(out, quoted[1:len(quoted)-1]...)
		}
		in = in[size:]
	}
	if _, err := g.w.Write(out); err != nil {
		return 0, err
	}
	return len(p), nil
}

// escaped returns JSON, or YAML whose odd strings are in double quotes, with the
// characters that cannot be printed as escape sequences of that language.
func escaped(in []byte, long string) []byte {
	out := make([]byte, 0, len(in))
	for _, r := range string(in) {
		switch {
		case r == '\n' || unicode.IsPrint(r):
			out = utf8.AppendRune(out, r)
		case r <= 0xffff:
			out = fmt.Appendf(out, `\u%04x`, r)
		case long != "":
			out = fmt.Appendf(out, long, r)
		default:
			r -= 0x10000
			out = fmt.Appendf(out, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		}
	}
	return out
}
