package main

import (
	"context"
	"encoding/json"
	"os/exec"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// A node and an override have the same fields, with the same values, in every output.
func TestExportHasTheFieldsOfGet(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	r := registry.NewRegistry(registry.URL(server.URL()), registry.Logger(zerolog.Nop()))
	defer func() { _ = r.Close(context.Background()) }()
	node := &registry.Node{ID: "a", Network: "tcp4", Address: "10.0.0.1:80", Weight: registry.NoTraffic, Zone: "eu", Metadata: map[string]string{"k": "v"}}
	if err := r.Register(t.Context(), &registry.Service{Name: "shop", Version: "1", Nodes: []*registry.Node{node}}, registry.RegisterManual()); err != nil {
		t.Fatal(err)
	}
	read := func(into any, args ...string) {
		out, err := exec.Command(binary, append(args, "--redis", server.URL())...).Output()
		if err == nil {
			err = json.Unmarshal(out, into)
		}
		if err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
	var doc struct {
		Services []map[string]any
	}
	var nodes []map[string]any
	read(&doc, "export")
	read(&nodes, "get", "nodes", "-o", "json")
	service := doc.Services[0]
	exported := service["nodes"].([]any)[0].(map[string]any)
	for _, key := range []string{"namespace", "service", "version"} { // the nodes of a file share them
		exported[key] = service[key]
	}
	if diff := cmp.Diff(nodes[0], exported); diff != "" {
		t.Errorf("-get nodes +export:\n%s", diff)
	}

	drained := registry.Draining
	if err := r.Operator("alice").SetAll(t.Context(), "shop", registry.Override{Status: &drained, Reason: "kernel"}); err != nil {
		t.Fatal(err)
	}
	var set struct{ Overrides []any }
	var overrides []any
	read(&set, "export")
	read(&overrides, "get", "overrides", "-o", "json")
	if diff := cmp.Diff(overrides, set.Overrides); diff != "" || len(overrides) != 1 {
		t.Errorf("-get overrides +export:\n%s", diff)
	}
}
