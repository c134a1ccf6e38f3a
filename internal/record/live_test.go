package record

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLiveWire(t *testing.T) {
	l := Live{Since: at, Why: "NOREPLICAS Not enough good replicas to write.", Nodes: []LiveNode{{lease, "10.0.0.7:80"}, {lease, "a b"}}}
	want := "1 live 1731974400123456 NOREPLICAS Not enough good replicas to write.\n" +
		"1731974400000001-0123456789ab 10.0.0.7:80\n1731974400000001-0123456789ab a%20b\n"
	got := l.Encode()
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("Encode (-want +got):\n%s", diff)
	}
	back, err := DecodeLive(got)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(l, back); diff != "" {
		t.Errorf("DecodeLive (-want +got):\n%s", diff)
	}
	if _, err := DecodeEvent(got); !errors.Is(err, ErrMalformed) {
		t.Errorf("DecodeEvent: %v, want ErrMalformed: a reader that knows no live reads again", err)
	}
}

// What Redis says may hold anything: the message can be read all the same.
func TestLiveTakesEveryReason(t *testing.T) {
	for why, want := range map[string]string{
		"":                                "",
		"two\nlines\tand \x00":            "two lines and  ",
		"not UTF-8 \xff":                  "not UTF-8 ?",
		strings.Repeat("é", 300):          strings.Repeat("é", 256),
		"x" + strings.Repeat("é", 300):    "x" + strings.Repeat("é", 255),
		" leading, trailing and a space ": " leading, trailing and a space ",
	} {
		l, err := DecodeLive(Live{Since: at, Why: why, Nodes: []LiveNode{{lease, "a"}}}.Encode())
		if err != nil || l.Why != want {
			t.Errorf("of %q came %q, %v, want %q", why, l.Why, err, want)
		}
	}
}

func TestDecodeLiveRefuses(t *testing.T) {
	const good = "1 live 5 READONLY\n" + lease + " a\n"
	if _, err := DecodeLive([]byte(good)); err != nil {
		t.Fatalf("the message that the cases change: %v", err)
	}
	for name, wire := range map[string]string{
		"nothing":             "",
		"an event":            "1 e 7 " + tagA + " " + tagB + " 5 put " + lease + " n1\n{}",
		"another version":     strings.Replace(good, "1 live", "2 live", 1),
		"no nodes":            "1 live 5 READONLY\n",
		"no header line":      "1 live 5 READONLY",
		"no reason field":     "1 live 5\n" + lease + " a\n",
		"no end of line":      strings.TrimSuffix(good, "\n"),
		"more behind it":      good + "x",
		"an empty line":       good + "\n",
		"a negative time":     strings.Replace(good, " 5 ", " -5 ", 1),
		"no lease":            strings.Replace(good, lease, "-", 1),
		"no id":               strings.Replace(good, " a\n", " \n", 1),
		"an id not escaped":   strings.Replace(good, " a\n", " a b\n", 1),
		"a control in why":    strings.Replace(good, "READONLY", "READ\tONLY", 1),
		"a reason too long":   strings.Replace(good, "READONLY", strings.Repeat("x", 513), 1),
		"over 100 nodes":      good + strings.Repeat(lease+" a\n", 100),
		"not UTF-8":           strings.Replace(good, "READONLY", "\xff", 1),
		"a time of 20 digits": strings.Replace(good, " 5 ", " 99999999999999999999 ", 1),
	} {
		if l, err := DecodeLive([]byte(wire)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %+v, %v, want ErrMalformed", name, l, err)
		}
	}
}

// FuzzDecodeLive feeds what may come over a channel: it never panics, and it
// accepts only the bytes that Encode writes.
func FuzzDecodeLive(f *testing.F) {
	f.Add(Live{Since: at, Why: "READONLY You can't write", Nodes: []LiveNode{{lease, "[::1]:80"}, {lease, "a\n"}}}.Encode())
	f.Add([]byte("1 live 0 \n- %\n"))
	f.Add([]byte("1 live 1 \xff\n\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := DecodeLive(data)
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Errorf("no sentinel in %v", err)
			}
			return
		}
		if got := l.Encode(); !bytes.Equal(got, data) {
			t.Errorf("%q was decoded, but encodes to %q", data, got)
		}
		if _, err := DecodeEvent(data); err == nil {
			t.Errorf("%q is an event, too", data)
		}
	})
}
