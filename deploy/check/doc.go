// Package check tests the alerts and the dashboard of deploy with Prometheus's own parsers. It
// is a module of its own, so that no program of ours links these.
package check
