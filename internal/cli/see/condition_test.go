package see

import "testing"

func TestConditions(t *testing.T) {
	s := service{Nodes: 3, Up: 2, Draining: 1}
	for text, want := range map[string]bool{
		"nodes>=3": true, "nodes>3": false, "nodes=3": true, "nodes==3": true, "nodes<3": false, "nodes<=3": true,
		"nodes>=4": false, "nodes>2": true, "nodes=2": false, "nodes<4": true, "nodes<=2": false,
		"up = 2": true, "draining=0": false, " draining >= 1 ": true,
	} {
		var c conditions
		if err := c.Set(text); err != nil || c.met(s) != want {
			t.Errorf("%s: %v, %v, want %v", text, c.met(s), err, want)
		}
	}
	for _, text := range []string{"", "nodes", ">=3", "nodes>=", "nodes>=x", "nodes>=-1", "nodes=>3", "nodes!=3", "nodes===3", "weight>1", "nodes>=3>4"} {
		var c conditions
		if err := c.Set(text); err == nil {
			t.Errorf("%s is %v", text, c)
		}
	}
}
