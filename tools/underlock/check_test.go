package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Each planted fault is found, and nothing else.
func TestPlantedFaultsAreFound(t *testing.T) {
	text, err := os.ReadFile("testdata/planted.go")
	if err != nil {
		t.Fatal(err)
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	// The types are the real ones, so the file is like a package of the module.
	at := "internal/planted/planted.go"
	found, err := check(root, map[string][]byte{filepath.Join(root, at): text}, "./internal/planted")
	if err != nil {
		t.Fatal(err)
	}
	places := regexp.MustCompile(` \([^()]+\.go:\d+\)`)
	got := map[string]string{} // by file and line
	for _, line := range found {
		place, what, _ := strings.Cut(line, ": ")
		got[place] += places.ReplaceAllString(what, "")
	}
	wants, n := 0, 0
	for line := range strings.Lines(string(text)) {
		n++
		place := at + ":" + strconv.Itoa(n)
		_, want, _ := strings.Cut(strings.TrimSpace(line), "// want: ")
		if want != "" {
			wants++
		}
		if (want == "") != (got[place] == "") || !strings.HasSuffix(got[place], want) {
			t.Errorf("%s: found %q, want %q", place, got[place], want)
		}
		delete(got, place)
	}
	if len(got) > 0 {
		t.Errorf("found elsewhere: %q", got)
	}
	if wants < 20 {
		t.Errorf("%d faults are planted", wants)
	}
}

// What cannot be checked is no success.
func TestNothingToCheckIsAnError(t *testing.T) {
	for _, pattern := range []string{"./nowhere", "./docs"} {
		if found, err := check("../..", nil, pattern); err == nil {
			t.Errorf("%s: %q and no error", pattern, found)
		}
	}
}
