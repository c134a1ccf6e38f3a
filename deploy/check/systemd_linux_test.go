package check

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-systemd/v22/unit"
)

// systemd takes the unit without a warning. Its command is one that rollcall has, and it ends a
// node in order.
func TestTheSystemdUnit(t *testing.T) {
	const name = "../systemd/shop.service"
	text := read(t, name)
	options, err := unit.DeserializeOptions(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	service := map[string]string{}
	for _, o := range options {
		if o.Section == "Service" {
			service[o.Name] = o.Value
		}
	}
	command := strings.Fields(service["ExecStart"])
	drain, err := time.ParseDuration(accepts(t, name, command)["--drain"])
	if err != nil || drain <= 0 {
		t.Errorf("it does not drain: %v", err)
	}
	stop, err := time.ParseDuration(service["TimeoutStopSec"] + "s")
	if err != nil || stop < drain+request+leaves {
		t.Errorf("TimeoutStopSec is %v, %v: too short for a drain of %v and a request", stop, err, drain)
	}
	if service["KillMode"] != "mixed" {
		t.Error("systemd would send SIGTERM to the program before it has drained")
	}
	if service["DynamicUser"] != "yes" || service["NoNewPrivileges"] != "yes" {
		t.Error("it may run as root, or get more rights")
	}

	// It looks whether the command is there: here it is elsewhere.
	here := filepath.Join(t.TempDir(), filepath.Base(name))
	if err := os.WriteFile(here, []byte(strings.ReplaceAll(text, command[0], binary(t))), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "systemd-analyze", "verify", "--man=no", here).CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("systemd-analyze, of the package systemd: %v\n%s", err, out)
	}
}
