package record

import (
	"errors"
	"testing"
)

func TestParseLease(t *testing.T) {
	for _, s := range []string{"1-000000000000", "1731974400123456-0123456789ab", "9007199254740991-ffffffffffff"} {
		l, err := ParseLease(s)
		if err != nil || l.String() != s {
			t.Errorf("ParseLease(%q) = %v, %v", s, l, err)
		}
	}
	for _, s := range []string{
		"", "-", "1", "1-", "0-000000000000", "01-000000000000", "+1-000000000000", "-1-000000000000",
		"1_0-000000000000", "9007199254740992-000000000000", "99999999999999999999-000000000000",
		"1-00000000000", "1-0000000000000", "1-00000000000A", "1-00000000000g", "1-0000-0000000", " 1-000000000000",
	} {
		if l, err := ParseLease(s); !errors.Is(err, ErrMalformed) {
			t.Errorf("ParseLease(%q) = %v, %v, want ErrMalformed", s, l, err)
		}
	}
}

func TestLeaseCompare(t *testing.T) {
	ascending := []Lease{
		{}, {9, "000000000000"}, {9, "00000000000a"}, {9, "0a0000000000"}, {9, "a00000000000"}, {10, "000000000000"},
	}
	for i, a := range ascending {
		for j, b := range ascending {
			if got, want := a.Compare(b), min(1, max(-1, i-j)); got != want {
				t.Errorf("%v compared with %v: %d, want %d", a, b, got, want)
			}
		}
	}
}
