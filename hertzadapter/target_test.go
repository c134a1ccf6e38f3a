package hertzadapter

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/rollcall-go/rollcall/registry"
)

func TestTarget(t *testing.T) {
	cases := []struct {
		service string
		tags    map[string]string
		want    string
	}{
		{"shop", nil, "shop"},
		{"shop", map[string]string{}, "shop"},
		{"shop", map[string]string{"zone": "eu 1", "version": "v2"}, "shop?version=v2&zone=eu+1"},
		{"shop?version=v2", nil, "shop%3Fversion=v2"},
		{"shop", map[string]string{"a": "1&b=2"}, "shop?a=1%26b%3D2"},
		{"a+b", nil, "a+b"},
	}
	for _, c := range cases {
		if got := encodeTarget(c.service, c.tags); got != c.want {
			t.Errorf("%q %v: %q, want %q", c.service, c.tags, got, c.want)
		}
	}
}

func TestTargetIsReversible(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		service := rapid.String().Draw(t, "service")
		tags := rapid.MapOf(rapid.String(), rapid.String()).Draw(t, "tags")
		desc := encodeTarget(service, tags)
		gotService, gotTags, err := decodeTarget(desc)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(tags, gotTags, cmpopts.EquateEmpty()); d != "" || gotService != service {
			t.Fatalf("%q came back as %q, tags (-want +got):\n%s", desc, gotService, d)
		}
	})
}

func TestTargetThatWasNotMadeByTarget(t *testing.T) {
	for _, desc := range []string{"100%", "shop?%zz", "shop?a;b"} {
		if _, _, err := decodeTarget(desc); !errors.Is(err, registry.ErrInvalid) {
			t.Errorf("%q: %v, want ErrInvalid", desc, err)
		}
	}
}

func FuzzDecodeTarget(f *testing.F) {
	f.Add("shop?version=v2&zone=eu")
	f.Add("%")
	f.Fuzz(func(t *testing.T, desc string) {
		service, tags, err := decodeTarget(desc)
		if err != nil {
			return
		}
		again, tagsAgain, err := decodeTarget(encodeTarget(service, tags))
		if d := cmp.Diff(tags, tagsAgain, cmpopts.EquateEmpty()); err != nil || again != service || d != "" {
			t.Errorf("%q: %q, %v, tags (-want +got):\n%s", desc, again, err, d)
		}
	})
}
