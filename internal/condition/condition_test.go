package condition

import (
	"strings"
	"testing"
)

func TestConditions(t *testing.T) {
	for _, tc := range []struct {
		text  string
		holds []bool // for 2, 3 and 4
	}{
		{"nodes<3", []bool{true, false, false}},
		{"nodes<=3", []bool{true, true, false}},
		{"nodes=3", []bool{false, true, false}},
		{"nodes>=3", []bool{false, true, true}},
		{"nodes>3", []bool{false, false, true}},
	} {
		c, err := Parse(tc.text, "up", "nodes")
		if err != nil || c.Name != "nodes" || c.String() != tc.text {
			t.Errorf("%s: %v, %v", tc.text, c, err)
		}
		for i, want := range tc.holds {
			if c.Holds(i+2) != want {
				t.Errorf("%s holds for %d: %v", tc.text, i+2, !want)
			}
		}
	}
	if c, err := Parse(" nodes == 3 ", "nodes"); err != nil || c.String() != "nodes=3" {
		t.Errorf("%v, %v", c, err)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{"", "nodes", "nodes>", ">3", "nodes>x", "nodes>-1", "nodes!=3", "nodes=>3", "other>3", "nodes>3>4", "nodes>3.5"} {
		if c, err := Parse(text, "nodes", "up"); err == nil || !strings.Contains(err.Error(), "nodes, up") {
			t.Errorf("%q: %v, %v", text, c, err)
		}
	}
}

func FuzzCondition(f *testing.F) {
	for _, text := range []string{"nodes>=3", "up == 2", "draining=0", "nodes=>3"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := Parse(text, "nodes", "up", "draining")
		if err != nil {
			return
		}
		if again, err := Parse(c.String(), "nodes", "up", "draining"); err != nil || again != c {
			t.Errorf("%q is %v, and that is %v, %v", text, c, again, err)
		}
	})
}
