// Table reads benchmark lines from standard input and prints one line for each figure:
// the median of its turns, the ratios to the least that is possible (bare-) and to its
// peers, the best one first, and the goal. Benchmarks are named work/product, and rollcall is ours.
//
//	go run ./table [-json file] [-check reference.json] <bench.txt
//
// With -check it fails where a ratio is missing, or in every turn over twice that of the
// reference.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"text/tabwriter"

	"golang.org/x/perf/benchfmt"
)

func main() {
	out := flag.String("json", "", "write the table to this `file`, too")
	check := flag.String("check", "", "fail where a ratio is missing, or in every turn over twice that of this `file`, written by -json")
	flag.Parse()
	if err := run(os.Stdin, os.Stdout, *out, *check); err != nil {
		fmt.Fprintln(os.Stderr, "table:", err)
		os.Exit(1)
	}
}

func run(in io.Reader, w io.Writer, out, check string) error {
	var all runs
	r := benchfmt.NewReader(in, "benchmarks")
	for r.Scan() {
		switch rec := r.Result().(type) {
		case *benchfmt.Result:
			all.add(rec)
		case *benchfmt.SyntaxError:
			return rec
		}
	}
	if err := r.Err(); err != nil {
		return err
	}
	t := table{all.about, all.table()}
	if len(t.Rows) == 0 {
		return errors.New("no benchmark of rollcall was read")
	}
	if err := t.print(w); err != nil {
		return err
	}
	if out != "" {
		doc, err := json.MarshalIndent(t, "", "\t")
		if err != nil {
			return err
		}
		if err := os.WriteFile(out, append(doc, '\n'), 0o644); err != nil {
			return err
		}
	}
	if check == "" {
		return nil
	}
	doc, err := os.ReadFile(check)
	if err != nil {
		return err
	}
	var reference table
	if err := json.Unmarshal(doc, &reference); err != nil {
		return fmt.Errorf("read %s: %w", check, err)
	}
	return worse(t.Rows, reference.Rows)
}

// A table is what one run has measured.
type table struct {
	About map[string]string // the machine and the versions
	Rows  []row
}

func (t table) print(w io.Writer) error {
	for _, k := range slices.Sorted(maps.Keys(t.About)) {
		fmt.Fprintf(w, "%s: %s\n", k, t.About[k])
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "work\tvalue\tunit\tof the limit\tof its peers, the best first\tgoal")
	for _, r := range t.Rows {
		fmt.Fprintf(tw, "%s\t%.4g\t%s\t%s\t%s\t%s\n", r.Work, r.Value, r.Unit, r.limit(), r.peers(), r.Goal)
	}
	return tw.Flush()
}
