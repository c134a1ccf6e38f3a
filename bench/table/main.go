// Table reads benchmark lines from standard input and prints one line for each figure:
// the median of its runs, and the ratios to the least that is possible (bare-) and to the
// best peer. Benchmarks are named work/product, and rollcall is ours.
//
//	go run ./table [-json file] [-best] [-check reference.json] <bench.txt
//
// With -check it fails where a ratio is over twice that of the reference.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"golang.org/x/perf/benchfmt"
)

func main() {
	out := flag.String("json", "", "write the table to this `file`, too")
	best := flag.Bool("best", false, "take the lowest of the runs instead of the median: truer on a busy machine")
	check := flag.String("check", "", "fail where a ratio is over twice that of this `file`, written by -json")
	flag.Parse()
	if err := run(os.Stdin, os.Stdout, *out, *check, *best); err != nil {
		fmt.Fprintln(os.Stderr, "table:", err)
		os.Exit(1)
	}
}

func run(in io.Reader, w io.Writer, out, check string, best bool) error {
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
	rows := all.table(best)
	if len(rows) == 0 {
		return errors.New("no benchmark of rollcall was read")
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "work\tvalue\tunit\tof the limit\tof the best peer")
	for _, r := range rows {
		fmt.Fprintf(tw, "%s\t%.4g\t%s\t%s\t%s\n", r.Work, r.Value, r.Unit, r.Limit, r.Peer)
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	if out != "" {
		doc, err := json.MarshalIndent(rows, "", "\t")
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
	var reference []row
	if err := json.Unmarshal(doc, &reference); err != nil {
		return fmt.Errorf("read %s: %w", check, err)
	}
	return worse(rows, reference)
}
