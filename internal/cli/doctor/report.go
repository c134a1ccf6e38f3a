package doctor

import (
	"bytes"
	"io"
	"strings"

	"github.com/mattn/go-runewidth"

	"github.com/rollcall-go/rollcall/internal/cli"
	"github.com/rollcall-go/rollcall/internal/doctor"
	"github.com/rollcall-go/rollcall/internal/plural"
)

// usualWidth is that of a report which does not go to a terminal.
const usualWidth = 100

// narrowest is the narrowest column of text.
const narrowest = 20

// report writes findings for people: their level, the check, and then what was found and what
// to do, in lines that are not longer than the width.
func report(out io.Writer, findings []doctor.Finding, width int, colour bool) error {
	findings = together(findings)
	longest := 0
	for _, f := range findings {
		longest = max(longest, runewidth.StringWidth(f.Check))
	}
	const levels = len("unknown") + 2
	indent := levels + longest + 2
	var text bytes.Buffer
	for _, f := range findings {
		level := string(f.Level)
		gap := strings.Repeat(" ", levels-len(level))
		if colour {
			level = style(f).On(level)
		}
		text.WriteString(level + gap + runewidth.FillRight(f.Check, longest+2))
		what := f.What
		if f.Server != "" {
			what = f.Server + ": " + what
		}
		lines := wrapped(cli.Text(what), width-indent)
		if f.Remedy != "" {
			for i, line := range wrapped(cli.Text(f.Remedy), width-indent-2) {
				lines = append(lines, [2]string{"> ", "  "}[min(i, 1)]+line)
			}
		}
		text.WriteString(strings.Join(lines, "\n"+strings.Repeat(" ", indent)) + "\n")
	}
	_, err := cli.Raw(out).Write(text.Bytes()) // the texts are safe, and styles are not to be shown
	return err
}

// together makes one finding of those that Redis does not tell this user for the same reason.
func together(findings []doctor.Finding) (merged []doctor.Finding) {
	checks := map[doctor.Finding][]string{}
	for _, f := range findings {
		same := f
		if same.Check = ""; f.Level != doctor.Unknown {
			same.Check = f.Check
		}
		same.Err = nil
		if checks[same] == nil {
			merged = append(merged, same)
		}
		checks[same] = append(checks[same], f.Check)
	}
	for i, f := range merged {
		switch of := checks[f]; {
		case f.Level != doctor.Unknown:
		case len(of) == 1:
			merged[i].Check = of[0]
		default:
			merged[i].Check = plural.Count(len(of), "check")
			merged[i].What += ": " + strings.Join(of, ", ")
		}
	}
	return merged
}

// wrapped returns a text in lines of a width, but no word in two.
func wrapped(text string, width int) (lines []string) {
	line := ""
	for _, word := range strings.Fields(text) {
		switch {
		case line == "":
			line = word
		case runewidth.StringWidth(line)+1+runewidth.StringWidth(word) > max(width, narrowest):
			lines, line = append(lines, line), word
		default:
			line += " " + word
		}
	}
	return append(lines, line)
}
