package community

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var home = Home{Prefix: "rollcall", Namespace: "default"}

func TestEncode(t *testing.T) {
	cases := map[string]struct {
		entry Entry
		want  string
	}{
		"like an old writer": {
			Entry{Service: "shop", Addr: "10.0.0.1:80", Weight: 10, Tags: map[string]string{"zone": "eu"}},
			`{"service_name":"shop","addr":"10.0.0.1:80","weight":10,"tags":{"zone":"eu"}}`,
		},
		"ours, with all four of the old keys": {
			Entry{Service: "shop", Addr: "[::1]:80", Tags: map[string]string{}, Mark: &Mark{home, "abc"}},
			`{"service_name":"shop","addr":"[::1]:80","weight":0,"tags":null,"rollcall":{"prefix":"rollcall","namespace":"default","nonce":"abc"}}`,
		},
	}
	for name, c := range cases {
		if d := cmp.Diff(c.want, c.entry.Encode()); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
}

func TestDecode(t *testing.T) {
	good := map[string]struct {
		value string
		ours  bool
	}{
		"an old writer's":                  {`{"service_name":"shop","addr":"10.0.0.1:80","weight":10,"tags":null}`, false},
		"ours":                             {`{"addr":"10.0.0.1:80","rollcall":{"prefix":"rollcall","namespace":"default","nonce":"abc"}}`, true},
		"ours in another namespace":        {`{"addr":"10.0.0.1:80","rollcall":{"prefix":"rollcall","namespace":"blue","nonce":"abc"}}`, false},
		"ours under another prefix":        {`{"addr":"10.0.0.1:80","rollcall":{"prefix":"other","namespace":"default"}}`, false},
		"an empty mark of another program": {`{"addr":"10.0.0.1:80","rollcall":null}`, false},
	}
	for name, c := range good {
		e, err := Decode(c.value)
		if err != nil || e.Addr != "10.0.0.1:80" || e.Of(home) != c.ours {
			t.Errorf("%s: %+v, ours %v, %v", name, e, e.Of(home), err)
		}
	}
	for _, bad := range []string{"", "x", "[]", "{}", `{"addr":"/run/shop.sock"}`, `{"addr":"10.0.0.1"}`, `{"addr":"10.0.0.1:80","weight":"x"}`} {
		if e, err := Decode(bad); err == nil {
			t.Errorf("%q: %+v, want an error", bad, e)
		}
	}
}

// The old reader decodes every field into the same variable.
func TestOurFieldsLeaveNothingOfTheOneBefore(t *testing.T) {
	var old struct {
		Addr   string            `json:"addr"`
		Weight int               `json:"weight"`
		Tags   map[string]string `json:"tags"`
	}
	for _, e := range []Entry{
		{Addr: "10.0.0.1:80", Weight: 50, Tags: map[string]string{"zone": "eu"}},
		{Addr: "10.0.0.2:80", Mark: &Mark{home, "abc"}},
	} {
		if err := json.Unmarshal([]byte(e.Encode()), &old); err != nil {
			t.Fatal(err)
		}
	}
	if old.Addr != "10.0.0.2:80" || old.Weight != 0 || len(old.Tags) != 0 {
		t.Errorf("the second one reads %+v", old)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(`{"service_name":"shop","addr":"10.0.0.1:80","weight":10,"tags":{"a":"b"},"rollcall":{"nonce":"x"}}`)
	f.Fuzz(func(t *testing.T, value string) {
		e, err := Decode(value)
		if err != nil {
			return
		}
		again, err := Decode(e.Encode())
		if d := cmp.Diff(e.Encode(), again.Encode()); err != nil || d != "" {
			t.Errorf("%q: %v, (-first +again):\n%s", value, err, d)
		}
	})
}
