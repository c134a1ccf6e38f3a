package record

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const heldBy = "1700000000000000-0123456789ab"

func TestParseHolder(t *testing.T) {
	for text, want := range map[string]Holder{
		heldBy + " 7 15000 12": {Lease: heldBy, Start: 1_700_000_000_000_000, Seq: 7, TTL: 15 * time.Second, Rev: 12},
		heldBy + " 7 self":     {Lease: heldBy, Start: 1_700_000_000_000_000, Seq: 7, Gone: "self"},
		heldBy + " 0 op":       {Lease: heldBy, Start: 1_700_000_000_000_000, Gone: "op"},
	} {
		got, err := ParseHolder(text)
		if d := cmp.Diff(want, got); d != "" || err != nil {
			t.Errorf("%q: %v (-want +got):\n%s", text, err, d)
		}
	}
}

func TestParseHolderRefuses(t *testing.T) {
	for text, says := range map[string]string{
		"":                            "parts",
		heldBy:                        "parts",
		heldBy + " 7":                 "parts",
		heldBy + " 7 15000 12 x":      "parts",
		"1700000000000000 7 15000 12": "lease",
		heldBy + " -7 15000 12":       "seq",
		heldBy + " 7 0 12":            "TTL",
		heldBy + " 7 10m 12":          "TTL",
		heldBy + " 7 9223372036855 1": "TTL",
		heldBy + " 7 15000 0":         "rev",
		heldBy + " 7 15000 many":      "rev",
		heldBy + " 7 nobody":          "ended",
		heldBy + " 7 15000":           "ended",
	} {
		if h, err := ParseHolder(text); !errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), says) || h != (Holder{}) {
			t.Errorf("%q: %+v, %v, want ErrMalformed and %q", text, h, err, says)
		}
	}
}
