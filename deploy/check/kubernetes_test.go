package check

import (
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"testing"
	"time"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// leaves is how long rollcall run takes at most to deregister, and request the longest request
// that the files allow for.
const (
	leaves  = 2 * time.Second
	request = 30 * time.Second
)

// strictly decodes a manifest by Kubernetes's own types, and refuses fields that they lack.
func strictly(t *testing.T, file string) (deployment *apps.Deployment, secret *core.Secret) {
	t.Helper()
	text := []byte(read(t, file))
	var kind struct{ APIVersion, Kind string }
	if err := yaml.Unmarshal(text, &kind); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	var into any
	switch kind.APIVersion + " " + kind.Kind {
	case "apps/v1 Deployment":
		deployment = &apps.Deployment{}
		into = deployment
	case "v1 Secret":
		secret = &core.Secret{}
		into = secret
	default:
		t.Fatalf("%s is a %v, of which nothing is known here", file, kind)
	}
	if err := yaml.UnmarshalStrict(text, into); err != nil {
		t.Errorf("%s: %v", file, err)
	}
	return deployment, secret
}

// Kubernetes takes the manifests. They run as no root, with commands that rollcall has, and end
// a node in order: it drains while the program serves, and is not killed before.
func TestKubernetesManifests(t *testing.T) {
	files, err := filepath.Glob("../kubernetes/*.yaml")
	if err != nil || len(files) < 3 {
		t.Fatal(files, err)
	}
	secrets, wanted, deployments := map[string]*core.Secret{}, map[string]string{}, 0
	for _, file := range files {
		d, s := strictly(t, file)
		if s != nil {
			secrets[s.Name] = s
		}
		if d != nil {
			deployments++
			for _, fault := range faultsOf(t, file, d) {
				t.Errorf("%s: %s", file, fault)
			}
			for _, c := range d.Spec.Template.Spec.Containers {
				for _, e := range c.Env {
					if e.ValueFrom != nil && e.ValueFrom.SecretKeyRef != nil {
						wanted[e.ValueFrom.SecretKeyRef.Name] = e.ValueFrom.SecretKeyRef.Key
					}
				}
			}
		}
	}
	if deployments != 2 || len(wanted) == 0 {
		t.Errorf("%d deployments, want 2, with secrets %v", deployments, wanted)
	}
	for name, key := range wanted {
		if s := secrets[name]; s == nil || s.StringData[key] == "" {
			t.Errorf("there is no secret %s with %s", name, key)
		}
	}
}

// faultsOf returns what of the promises a deployment does not keep.
func faultsOf(t *testing.T, file string, d *apps.Deployment) (found []string) {
	fault := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	spec := d.Spec.Template.Spec
	for key, value := range d.Spec.Selector.MatchLabels {
		if d.Spec.Template.Labels[key] != value {
			fault("its selector does not select its pods")
		}
	}
	if s := spec.SecurityContext; s == nil || s.RunAsNonRoot == nil || !*s.RunAsNonRoot || s.RunAsUser == nil || *s.RunAsUser == 0 {
		fault("it may run as root")
	}
	for _, c := range slices.Concat(spec.InitContainers, spec.Containers) {
		s := c.SecurityContext
		if s == nil || s.ReadOnlyRootFilesystem == nil || !*s.ReadOnlyRootFilesystem ||
			s.AllowPrivilegeEscalation == nil || *s.AllowPrivilegeEscalation {
			fault("container %s may write, or get more rights", c.Name)
		}
	}
	var flags map[string]string
	for _, c := range spec.Containers {
		if len(c.Command) > 1 && c.Command[1] == "run" {
			flags = accepts(t, file, c.Command)
		}
	}
	drain, err := time.ParseDuration(flags["--drain"])
	if err != nil || drain <= 0 {
		fault("it does not drain: %v", err)
	}
	check, err := url.Parse(flags["--check"])
	if err != nil {
		fault("--check: %v", err)
	}
	if spec.TerminationGracePeriodSeconds == nil {
		fault("it has no grace period")
		return found
	}
	grace := time.Duration(*spec.TerminationGracePeriodSeconds) * time.Second
	probes := 0
	for _, c := range spec.Containers {
		if len(c.Ports) > 0 {
			probes++
			if p := c.ReadinessProbe; p == nil || p.HTTPGet == nil || p.HTTPGet.Path != check.Path ||
				p.HTTPGet.Port.String() != check.Port() || c.Ports[0].ContainerPort != p.HTTPGet.Port.IntVal {
				fault("container %s has no readiness probe that asks what --check asks", c.Name)
			}
		}
		if c.Lifecycle == nil {
			continue
		}
		serves := time.Duration(c.Lifecycle.PreStop.Sleep.Seconds) * time.Second
		if serves < drain+leaves {
			fault("%s serves for %v only, and drains for %v", c.Name, serves, drain)
		}
		grace -= serves
	}
	if probes != 1 {
		fault("%d containers serve, want 1", probes)
	}
	if grace < request || len(spec.Containers) == 1 && grace < drain+request+leaves {
		fault("the grace period is too short for the drain, %v, and a request", drain)
	}
	return found
}
