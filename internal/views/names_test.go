package views

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/rollcall-go/rollcall/internal/listed"
)

// Whatever is added and taken out, names find what one map would find.
func TestNames(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.Custom(func(t *rapid.T) listed.Name {
			return listed.Name{
				Namespace: rapid.SampledFrom([]string{"", "test"}).Draw(t, "namespace"),
				Service:   fmt.Sprint("shop", rapid.IntRange(0, 20).Draw(t, "service")),
			}
		})
		n, want := newNames(), map[listed.Name]*Service{}
		var old *Service // was taken out
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				s := &Service{name: name.Draw(t, "name")}
				if want[s.name] == nil {
					n.add(s)
					want[s.name] = s
				}
			},
			"take out": func(t *rapid.T) {
				var out []*Service
				for range rapid.IntRange(0, 3).Draw(t, "services") {
					if s := want[name.Draw(t, "name")]; s != nil {
						out, old = append(out, s), s
						delete(want, s.name)
					}
				}
				n.remove(out...)
			},
			"take out again": func(t *rapid.T) {
				if old != nil {
					n.remove(old)
				}
			},
			"": func(t *rapid.T) {
				finds := func() {
					for _, ns := range []string{"", "test"} {
						for i := range 21 {
							name := listed.Name{Namespace: ns, Service: fmt.Sprint("shop", i)}
							if n.get(name) != want[name] {
								t.Fatalf("%v: found %v", name, n.get(name))
							}
							if ns == "" && n.own(name.Service) != want[name] {
								t.Fatalf("%s: found %v", name.Service, n.own(name.Service))
							}
						}
					}
				}
				finds()
				if !rapid.Bool().Draw(t, "settle") {
					return
				}
				seen := 0
				for s := range n.all() {
					if seen++; want[s.name] != s {
						t.Fatalf("%v was taken out", s.name)
					}
				}
				if seen != len(want) || n.len() != len(want) {
					t.Fatalf("there are %d of %d, and len says %d", seen, len(want), n.len())
				}
				finds()
			},
		})
	})
}

// BenchmarkNewName is what one more name costs in a hub that has many.
func BenchmarkNewName(b *testing.B) {
	for _, have := range []int{100, 1000, 10_000, 100_000} {
		b.Run(fmt.Sprint("have=", have), func(b *testing.B) {
			n := newNames()
			for i := range have {
				n.add(&Service{name: listed.Name{Service: fmt.Sprint("shop", i)}})
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				n.add(&Service{name: listed.Name{Service: fmt.Sprint("bank", i)}})
			}
		})
	}
}
