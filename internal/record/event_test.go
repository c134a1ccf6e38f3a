package record

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/rollcall-go/rollcall/internal/keys"
)

const (
	tagA  = "da39a3ee5e6b4b0d3255bfef95601890afd80709"
	tagB  = "0a4d55a8d778e5022fab701977c5d840bbc486d0"
	lease = "1731974400000001-0123456789ab"
	epoch = "1731974400000000-5f3a"
)

var at = time.Date(2024, 11, 19, 0, 0, 0, 123456000, time.UTC)

func TestEventWire(t *testing.T) {
	for _, tc := range []struct {
		name  string
		event Event
		wire  string
	}{
		{
			"put",
			Event{Epoch: epoch, Rev: 7, Prev: tagA, Tag: tagB, Time: at, Kind: Put, Lease: lease, ID: "[::1]:80", Payload: []byte("{\"a\":\n1}")},
			"1 1731974400000000-5f3a 7 " + tagA + " " + tagB + " 1731974400123456 put 1731974400000001-0123456789ab %5B::1%5D:80\n{\"a\":\n1}",
		},
		{
			"first of a history",
			Event{Epoch: epoch, Rev: 1, Tag: tagB, Time: at, Kind: Put, Lease: lease, ID: "a b", Payload: []byte(`{}`)},
			"1 1731974400000000-5f3a 1  " + tagB + " 1731974400123456 put 1731974400000001-0123456789ab a%20b\n{}",
		},
		{
			"override set",
			Event{Epoch: epoch, Rev: 8, Prev: tagA, Tag: tagB, Time: at, Kind: Set, Lease: lease, ID: "n1", Payload: []byte(`{"weight":0}`)},
			"1 1731974400000000-5f3a 8 " + tagA + " " + tagB + " 1731974400123456 set 1731974400000001-0123456789ab n1\n{\"weight\":0}",
		},
		{
			"override undone, lease not known",
			Event{Epoch: epoch, Rev: 9, Prev: tagA, Tag: tagB, Time: at, Kind: Set, ID: "n1"},
			"1 1731974400000000-5f3a 9 " + tagA + " " + tagB + " 1731974400123456 set - n1\n",
		},
		{
			"deregistered",
			Event{Epoch: epoch, Rev: 10, Prev: tagA, Tag: tagB, Time: at, Kind: Del, Lease: lease, ID: "n1"},
			"1 1731974400000000-5f3a 10 " + tagA + " " + tagB + " 1731974400123456 del 1731974400000001-0123456789ab n1\n",
		},
		{
			"expiry, lease not known",
			Event{Epoch: epoch, Rev: 18446744073709551615, Prev: tagA, Tag: tagB, Time: at, Kind: Exp, ID: "n1"},
			"1 1731974400000000-5f3a 18446744073709551615 " + tagA + " " + tagB + " 1731974400123456 exp - n1\n",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if diff := cmp.Diff(tc.wire, string(tc.event.Encode())); diff != "" {
				t.Errorf("Encode (-want +got):\n%s", diff)
			}
			back, err := DecodeEvent([]byte(tc.wire))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.event, back, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("DecodeEvent (-want +got):\n%s", diff)
			}
			if back.Time.Location() != time.UTC {
				t.Errorf("time in %v, want UTC", back.Time.Location())
			}
		})
	}
}

func TestDecodeEventRefuses(t *testing.T) {
	// header returns a good header with one field replaced.
	header := func(i int, with string) string {
		f := strings.Split("1 e 7 "+tagA+" "+tagB+" 5 put "+lease+" n1", " ")
		f[i] = with
		return strings.Join(f, " ")
	}
	good := header(0, "1")
	if _, err := DecodeEvent([]byte(good + "\n{}")); err != nil {
		t.Fatalf("the header that the cases change: %v", err)
	}
	del := strings.Replace(good, "put", "del", 1)
	exp := strings.Replace(good, "put", "exp", 1)
	set := strings.Replace(good, "put", "set", 1)
	for _, tc := range []struct {
		name, wire string
		want       error
		fault      string
	}{
		{"nothing", "", ErrMalformed, "version"},
		{"text", "hello world", ErrMalformed, "version"},
		{"version 2", "2 anything", ErrVersion, "2, want 1"},
		{"version 2 alone", "2", ErrVersion, ""},
		{"version 2, huge", "2 " + strings.Repeat("x", 1<<20), ErrVersion, ""},
		{"version 0", header(0, "0") + "\n{}", ErrMalformed, "version"},
		{"version 01", header(0, "01") + "\n{}", ErrMalformed, "version"},
		{"version without end", strings.Repeat("1", 1<<20), ErrMalformed, "version"},
		{"no newline", good, ErrMalformed, "header line"},
		{"header too long", header(8, strings.Repeat("n", 2<<10)) + "\n{}", ErrMalformed, "header line"},
		{"field missing", strings.TrimSuffix(good, " n1") + "\n{}", ErrMalformed, "8 fields"},
		{"field too many", good + " \n{}", ErrMalformed, "10 fields"},
		{"no epoch", header(1, "") + "\n{}", ErrMalformed, "epoch"},
		{"epoch control", header(1, "a\tb") + "\n{}", ErrMalformed, "epoch"},
		{"epoch not ASCII", header(1, "é") + "\n{}", ErrMalformed, "epoch"},
		{"epoch long", header(1, strings.Repeat("e", 65)) + "\n{}", ErrMalformed, "epoch"},
		{"rev zero", header(2, "0") + "\n{}", ErrMalformed, "rev"},
		{"rev sign", header(2, "+7") + "\n{}", ErrMalformed, "rev"},
		{"rev as Lua prints it", header(2, "1e+15") + "\n{}", ErrMalformed, "rev"},
		{"rev too large", header(2, "18446744073709551616") + "\n{}", ErrMalformed, "rev"},
		{"prev short", header(3, tagA[1:]) + "\n{}", ErrMalformed, "previous tag"},
		{"no tag", header(4, "") + "\n{}", ErrMalformed, "tag"},
		{"tag upper case", header(4, strings.ToUpper(tagB)) + "\n{}", ErrMalformed, "tag"},
		{"time negative", header(5, "-5") + "\n{}", ErrMalformed, "time"},
		{"time fraction", header(5, "5.0") + "\n{}", ErrMalformed, "time"},
		{"time too large", header(5, "9007199254740992") + "\n{}", ErrMalformed, "time"},
		{"kind", header(6, "PUT") + "\n{}", ErrMalformed, "kind"},
		{"lease", header(7, "1-2") + "\n{}", ErrMalformed, "lease"},
		{"put without lease", header(7, "-") + "\n{}", ErrMalformed, "lease"},
		{"del without lease", strings.Replace(del, lease, "-", 1) + "\n", ErrMalformed, "lease"},
		{"no id", header(8, "") + "\n{}", ErrMalformed, "id"},
		{"id bare", header(8, "a/b") + "\n{}", ErrMalformed, "id"},
		{"id escaped like a name", header(8, "a%3A1") + "\n{}", ErrMalformed, "id"},
		{"id cut", header(8, "a%2") + "\n{}", ErrMalformed, "id"},
		{"put without record", good + "\n", ErrMalformed, "0 bytes"},
		{"put too large", good + "\n" + strings.Repeat("x", MaxNode+1), ErrMalformed, "8193 bytes"},
		{"set too large", set + "\n" + strings.Repeat("x", MaxOverride+1), ErrMalformed, "8193 bytes"},
		{"del with record", del + "\n{}", ErrMalformed, "2 bytes"},
		{"exp with record", exp + "\n{}", ErrMalformed, "2 bytes"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e, err := DecodeEvent([]byte(tc.wire))
			if !errors.Is(err, tc.want) || !strings.Contains(err.Error(), tc.fault) {
				t.Errorf("error %v, want %v with %q", err, tc.want, tc.fault)
			}
			if err != nil && len(err.Error()) > 300 {
				t.Errorf("an error of %d bytes", len(err.Error()))
			}
			if diff := cmp.Diff(Event{}, e); diff != "" {
				t.Errorf("an event came with the error:\n%s", diff)
			}
		})
	}
}

func us(n int64) time.Time { return time.UnixMicro(n).UTC() }

func TestParseLogEntry(t *testing.T) {
	for _, tc := range []struct {
		line string
		want LogEntry
	}{
		{tagA + " 12 put " + lease + " 10.0.0.7:80", LogEntry{tagA, us(12), Put, lease, "10.0.0.7:80", ""}},
		{tagA + " 12 set - a%20b", LogEntry{tagA, us(12), Set, "", "a b", ""}},
		{tagA + ` 12 set - * {"by":"a b"}`, LogEntry{tagA, us(12), Set, "", keys.AllNodes, `{"by":"a b"}`}},
		{tagA + " 0 del " + lease + " n", LogEntry{tagA, us(0), Del, lease, "n", ""}},
		{tagA + " 12 exp - n", LogEntry{tagA, us(12), Exp, "", "n", ""}},
	} {
		if got, err := ParseLogEntry(tc.line); err != nil || got != tc.want {
			t.Errorf("ParseLogEntry(%q) = %+v, %v", tc.line, got, err)
		}
	}
	for _, line := range []string{
		"", "a b c d e", tagA + " 1 put " + lease, tagA + " put " + lease + " n x", tagA + " 1 put - n", tagA + " 1 del - n",
		tagA + " 1 new " + lease + " n", tagA + " 1 put  n", tagA + " 1 put " + lease + " ", tagA + " 1 put " + lease + " a/b",
		tagA + " 1 put " + lease + " n\n", tagA + " 01 exp - n", tagA + " 1 del " + lease + " *", strings.Repeat("x", 1<<20),
	} {
		if got, err := ParseLogEntry(line); !errors.Is(err, ErrMalformed) || len(err.Error()) > 400 {
			t.Errorf("ParseLogEntry(%.80q) = %+v, %.400v, want ErrMalformed", line, got, err)
		}
	}
}
