package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

// A deployment is what the manifests of deploy/kubernetes say, as far as it matters here.
type deployment struct {
	Kind string
	Spec struct{ Template struct{ Spec pod } }
}

type pod struct {
	TerminationGracePeriodSeconds int `yaml:"terminationGracePeriodSeconds"`
	SecurityContext               struct {
		RunAsNonRoot bool `yaml:"runAsNonRoot"`
	} `yaml:"securityContext"`
	InitContainers []container `yaml:"initContainers"`
	Containers     []container
}

type container struct {
	Name            string
	Command         []string
	SecurityContext struct {
		ReadOnlyRootFilesystem   bool  `yaml:"readOnlyRootFilesystem"`
		AllowPrivilegeEscalation *bool `yaml:"allowPrivilegeEscalation"`
	} `yaml:"securityContext"`
	Lifecycle struct {
		PreStop struct{ Sleep struct{ Seconds int } } `yaml:"preStop"`
	}
}

// deregistering is how long rollcall run takes at most to deregister, and request the
// longest request that the files allow for.
const (
	deregistering = 2 * time.Second
	request       = 30 * time.Second
)

// The manifests run as no root, with flags that rollcall has, and end a node in order: it
// drains while the program serves, and the platform does not kill it before.
func TestKubernetesManifests(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../deploy/kubernetes/*.yaml")
	if err != nil || len(files) < 3 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var d deployment
		if err := yaml.Unmarshal(text, &d); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if d.Kind != "Deployment" {
			continue
		}
		spec, drains := d.Spec.Template.Spec, time.Duration(0)
		if !spec.SecurityContext.RunAsNonRoot {
			t.Errorf("%s may run as root", name)
		}
		for _, c := range slices.Concat(spec.InitContainers, spec.Containers) {
			s := c.SecurityContext
			if !s.ReadOnlyRootFilesystem || s.AllowPrivilegeEscalation == nil || *s.AllowPrivilegeEscalation {
				t.Errorf("%s: container %s may write or get more rights: %+v", name, c.Name, s)
			}
		}
		for _, c := range spec.Containers {
			if len(c.Command) > 1 && c.Command[1] == "run" {
				drains = drainOf(t, name, c.Command)
			}
		}
		grace := time.Duration(spec.TerminationGracePeriodSeconds) * time.Second
		for _, c := range spec.Containers {
			serves := time.Duration(c.Lifecycle.PreStop.Sleep.Seconds) * time.Second
			if serves != 0 && serves < drains+deregistering {
				t.Errorf("%s: %s serves for %v only, and drains for %v", name, c.Name, serves, drains)
			}
			grace -= serves
		}
		if grace < request || len(spec.Containers) == 1 && grace < drains+request+deregistering {
			t.Errorf("%s: the grace period is too short for the drain, %v, and a request", name, drains)
		}
	}
}

// drainOf returns --drain of a command that rollcall accepts.
func drainOf(t *testing.T, file string, command []string) (drain time.Duration) {
	t.Helper()
	end := slices.Index(command, "--")
	if end < 0 || end == len(command)-1 {
		t.Fatalf("%s: no program after --: %v", file, command)
	}
	args := append(slices.Clone(command[1:end]), "--help")
	if out, err := exec.CommandContext(t.Context(), binary, args...).CombinedOutput(); err != nil {
		t.Errorf("%s: rollcall does not take %v: %v\n%s", file, args, err, out)
	}
	for _, arg := range args {
		if value, ok := strings.CutPrefix(arg, "--drain="); ok {
			var err error
			if drain, err = time.ParseDuration(value); err != nil {
				t.Errorf("%s: %v", file, err)
			}
		}
	}
	if drain == 0 {
		t.Errorf("%s does not drain: %v", file, command)
	}
	return drain
}

func TestTheSystemdUnit(t *testing.T) {
	t.Parallel()
	const name = "../../deploy/systemd/shop.service"
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	settings := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			settings[key] = value
		}
	}
	drain := drainOf(t, name, strings.Fields(settings["ExecStart"]))
	stop, err := time.ParseDuration(settings["TimeoutStopSec"] + "s")
	if err != nil || stop < drain+request+deregistering {
		t.Errorf("TimeoutStopSec is %v, %v: too short for a drain of %v and a request", stop, err, drain)
	}
	if settings["KillMode"] != "mixed" {
		t.Error("systemd would send SIGTERM to the program before it has drained")
	}
}

// The image is static and runs as no root: Kubernetes wants a number to see that.
func TestTheImage(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../deploy/Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"CGO_ENABLED=0", "\nUSER 65532:65532\n", "./cmd/rollcall\n"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %q in the Dockerfile", want)
		}
	}
}
