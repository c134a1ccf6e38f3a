package record

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
)

// sentinel reports whether err is one that this package promises.
func sentinel(err error) bool {
	return errors.Is(err, ErrMalformed) || errors.Is(err, ErrTooLarge) || errors.Is(err, ErrVersion)
}

// FuzzDecodeNode feeds what others may have written: it never panics, and what
// it accepts has one encoding, which reads the same.
func FuzzDecodeNode(f *testing.F) {
	for _, s := range []string{
		fullWire, `{"v":1,"address":"a:1"}`, `{"v":9,"address":"a:1","x":{"b":[1, 2e3]},"Address":null}`,
		`{"v":1,"address":"\ud800","metadata":{"<":"\u2028"}}`, `{"v":1,"address":"a:1","":0,"service":{}}`,
		`{"v":1,"address":"a:1","service":{"endpoints":[{},{"request":{"values":[null]}}]}}`, `null`, `[]`, `{`, "{\"\xff\":1}",
		strings.Repeat(`{"a":`, 1000), strings.Repeat("[", MaxNode+1),
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		n, err := DecodeNode(data)
		if err != nil {
			if !sentinel(err) {
				t.Errorf("no sentinel in %v", err)
			}
			return
		}
		first, err := n.Encode()
		if errors.Is(err, ErrTooLarge) && len(data) > MaxNode/2 {
			return // JSON has shorter spellings than ours, such as a bare U+2028
		}
		if err != nil || len(first) > MaxNode {
			t.Fatalf("%+v was decoded, but encodes to %d bytes, %v", n, len(first), err)
		}
		again, err := DecodeNode(first)
		if err != nil {
			t.Fatalf("decode %s: %v", first, err)
		}
		second, err := again.Encode()
		if err != nil || !bytes.Equal(first, second) {
			t.Errorf("encodings differ:\n%s\n%s\n%v", first, second, err)
		}
	})
}

// FuzzDecodePlain checks that what decodePlain reads is what decodeNode makes of it.
func FuzzDecodePlain(f *testing.F) {
	for _, s := range []string{
		fullWire, plainWire, `{"address":"a:1","metadata":{"a":"1","a":"2"},"zone":"x","zone":"y","v":2,"v":1}`,
		`{"address":"a","service":{"metadata":{"a":"1"},"metadata":{"b":"2"}}}`, `{"address":"a","service":{"metadata":{"a":"1"}},"service":{"metadata":{"b":"2"}}}`,
		`{"address":"a","metadata":{"a":"1"},"metadata":{"b":"2"}}`, `{"address":"a","weight":0,"ttl":0,"weight":1}`, `{"address":"a","weight":01}`,
		`{"address":"a","weight":-1}`, `{"address":"a","weight":999999999}`, `{"address":"a","weight":1e2,"ttl":1.0}`, `{"address":"\u0061"}`, "{\"address\":\"\x7f\xc3\xa9\"}",
		"{\"address\":\"\xff\"}", "{\"address\":\"\x1f\"}", `{"address":"a"}x`, `{"address":"a",}`, `{"address":"a","Zone":"b"}`, `{"address":""}`, `{"address":"a","metadata":{}}`,
		`{"address":"a","metadata":{"a":null}}`, `{"address":"a","v":0}`, `{"address":"a","service":{"Metadata":{"a":"1"}}}`, `{"address":"a" }`, `{}`, ``,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var decoder Decoder
		fast, plain := decodePlain(s, nil)
		if !plain {
			return
		}
		n, err := decodeNode([]byte(s))
		if err != nil || !reflect.DeepEqual(fast, n) {
			t.Errorf("%q is read as %+v, want %+v, %v", s, fast, n, err)
		}
		for range 2 { // the second time, maps of the first
			if again, err := decoder.Node(s); err != nil || !reflect.DeepEqual(again, n) {
				t.Errorf("%q is read as %+v by a Decoder, want %+v, %v", s, again, n, err)
			}
		}
	})
}

// FuzzNode checks that a node comes back as it went, or is refused.
func FuzzNode(f *testing.F) {
	f.Add("1.2.0", "10.0.0.7:8080", 10, "eu", "draining", "k", "v", int64(15000), 2, "x", `{"a": [1]}`)
	f.Add("", "a", 0, "", "", "", "", int64(0), 0, "", ``)
	f.Add("", "a", NoTraffic, "", "", "", "", int64(0), 0, "", ``)
	f.Add("\xff", "a", -2, "\u2028", "<&>", "", "\x00", int64(-1), 17, "zone", `1`)
	f.Fuzz(func(t *testing.T, version, address string, weight int, zone, status, key, value string, ttl int64, depth int, extra, raw string) {
		n := Node{
			Version: version, Address: address, Weight: weight, Zone: zone, Status: status,
			Metadata: map[string]string{key: value}, TTL: time.Duration(ttl%1e12) * time.Millisecond,
			ServiceMetadata: map[string]string{value: key}, APIs: zone,
			Endpoints: []Endpoint{{Name: key, Request: deep(1 + max(0, depth)%(MaxDepth+1)), Metadata: map[string]string{key: value}}},
		}
		if json.Valid([]byte(raw)) {
			var compact bytes.Buffer
			if err := json.Compact(&compact, []byte(raw)); err != nil {
				t.Fatal(err)
			}
			n.Extra = map[string]json.RawMessage{extra: compact.Bytes()}
		}
		b, err := n.Encode()
		if err != nil {
			if !sentinel(err) {
				t.Errorf("no sentinel in %v", err)
			}
			return
		}
		if len(b) > MaxNode {
			t.Fatalf("%d bytes", len(b))
		}
		back, err := DecodeNode(b)
		if err != nil || !reflect.DeepEqual(n, back) {
			t.Errorf("%+v went as %s and came back as %+v, %v", n, b, back, err)
		}
	})
}

// FuzzOverride feeds what may be in Redis: it never panics, and what is in force is among
// the settings.
func FuzzOverride(f *testing.F) {
	for _, s := range []string{
		`status 0 1 - {"value":"draining","by":"a"}`, `weight 12 1 ` + lease + ` {"value":0}` + "\n" + `metadata:k 0 1 - {"value":null}`,
		"x 0 1 - {}\n\nstatus 0 1 -", `weight 0 1 - {"value":-1.5}`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, override string) {
		now := time.UnixMilli(11)
		left := InForce(override, lease, now)
		if len(left) > len(override) || InForce(left, lease, now) != left {
			t.Errorf("in force of %q: %q", override, left)
		}
		for _, s := range ParseOverride(left) {
			if s.Lease != "" && s.Lease != lease || !s.Until.IsZero() && !s.Until.After(now) {
				t.Errorf("%+v of %q is in force", s, override)
			}
		}
		if end := NextEnd(override, now); !end.IsZero() && !end.After(now) {
			t.Errorf("next end of %q: %v", override, end)
		}
		_ = Lay(override, Node{Metadata: map[string]string{"a": "1"}})
	})
}

// FuzzDecodeEvent feeds what may come over a channel: it never panics, and it
// accepts only the bytes that Encode writes.
func FuzzDecodeEvent(f *testing.F) {
	for _, e := range []Event{
		{Epoch: epoch, Rev: 7, Prev: tagA, Tag: tagB, Time: at, Kind: Put, Lease: lease, ID: "[::1]:80", Payload: []byte("{}")},
		{Epoch: epoch, Rev: 1, Tag: tagB, Time: at, Kind: Exp, ID: "a\n"},
	} {
		f.Add(e.Encode())
	}
	f.Add([]byte("2 anything"))
	f.Add([]byte("1 e 1   1 put - %\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := DecodeEvent(data)
		if err != nil {
			if !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrVersion) {
				t.Errorf("no sentinel in %v", err)
			}
			return
		}
		if got := e.Encode(); !bytes.Equal(got, data) {
			t.Errorf("%q was decoded, but encodes to %q", data, got)
		}
	})
}

func FuzzParseLogEntry(f *testing.F) {
	f.Add(tagA + " 12 put " + lease + " 10.0.0.7:80")
	f.Add(tagA + ` 12 set - a%20b {"by":"x"}`)
	f.Add("   ")
	f.Fuzz(func(t *testing.T, line string) {
		e, err := ParseLogEntry(line)
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Errorf("no sentinel in %v", err)
			}
			return
		}
		if e.ID == "" || len(e.Tag) != tagLen {
			t.Errorf("ParseLogEntry(%q) = %+v", line, e)
		}
		if l, err := ParseLease(e.Lease); e.Lease != "" && (err != nil || l.String() != e.Lease) {
			t.Errorf("lease %q reads as %v, %v", e.Lease, l, err)
		}
	})
}
