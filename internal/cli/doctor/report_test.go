package doctor

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-go/rollcall/internal/doctor"
)

func TestReportFitsTheWidth(t *testing.T) {
	findings := []doctor.Finding{
		{Check: "version", Level: doctor.OK, What: "redis 7.2.4"},
		{Check: "memory", Level: doctor.Warn, Server: "10.0.0.1:6379", What: "84% of maxmemory is in use, 840 MiB", Remedy: "raise maxmemory, or remove \x1b[2J keys"},
	}
	var out bytes.Buffer
	if err := report(&out, findings, 44, false); err != nil {
		t.Fatal(err)
	}
	want := `ok       version  redis 7.2.4
warn     memory   10.0.0.1:6379: 84% of
                  maxmemory is in use, 840
                  MiB
                  > "raise maxmemory, or
                    remove \x1b[2J keys"
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}
