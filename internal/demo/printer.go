package demo

import (
	"fmt"
	"io"
	"maps"
	"os"
	"runtime"
	"slices"
	"sync"
	"text/tabwriter"
	"time"
)

// A printer writes whole lines, from any goroutine.
type printer struct {
	colour bool
	start  time.Time

	mu  sync.Mutex
	out io.Writer
}

func newPrinter(out io.Writer) *printer {
	return &printer{colour: colourful(out), start: time.Now(), out: out}
}

// colourful reports whether out is a terminal that wants colours.
func colourful(out io.Writer) bool {
	f, ok := out.(*os.File)
	if !ok || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" || runtime.GOOS == "windows" {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// colours of the words that begin a line.
var colours = map[string]string{
	"step": "1", "view": "36", "known": "32", "left": "32", "ok": "32", "FAILED": "31", "keep": "1",
}

func (p *printer) paint(word, text string) string {
	code := colours[word]
	if !p.colour || code == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (p *printer) printf(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, _ = fmt.Fprintf(p.out, format, args...) // there is no other place to report it
}

func (p *printer) head(redis string) {
	p.printf(`rollcall demo

  redis    %s
  service  %s; a lease lasts %s and is renewed every %s
  client   Hertz with hertzadapter.Discovery, which picks from a live view; a call
           whose connection fails is tried on another node

`, redis, serviceName, ttl, interval)
}

// line writes what happened, and when since the start.
func (p *printer) line(word, format string, args ...any) {
	p.printf("%5.1fs  %s  %s\n", time.Since(p.start).Seconds(), p.paint(word, fmt.Sprintf("%-5s", word)), fmt.Sprintf(format, args...))
}

func (p *printer) summary(r report) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w := tabwriter.NewWriter(p.out, 0, 0, 3, ' ', 0)
	_, _ = fmt.Fprintf(w, "\nsummary\n\n  change\tthe client knew after\tallowed\n")
	for _, c := range r.changes {
		took, allowed := "never", c.soon.String()
		if !c.known.IsZero() {
			took = round(c.took()).String()
		}
		if c.crash {
			allowed += " (lease + 1s)"
		}
		_, _ = fmt.Fprintf(w, "  %s %s\t%s\t%s\n", c.node, c.verb, took, allowed)
	}
	_, _ = fmt.Fprintf(w, "\n  calls to\tanswered\tfailed tries\n")
	for _, node := range slices.Sorted(maps.Keys(r.tallies)) {
		t := r.tallies[node]
		why := ""
		if t.failed > 0 {
			why = ": " + reasons(t)
		}
		_, _ = fmt.Fprintf(w, "  %s\t%d\t%d%s\n", nameOf(node), t.answered, t.failed, why)
	}
	_ = w.Flush()

	problems := r.problems()
	if len(problems) == 0 {
		_, _ = fmt.Fprintf(p.out, "\n%s  every change was known in time; no call failed; only tries at the killed node failed, until the client knew\n", p.paint("ok", "ok"))
		return
	}
	_, _ = fmt.Fprintln(p.out)
	for _, problem := range problems {
		_, _ = fmt.Fprintf(p.out, "%s  %s\n", p.paint("FAILED", "FAILED"), problem)
	}
}
