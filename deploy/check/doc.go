// Package check tests what is in deploy by the parsers and types of Prometheus, Kubernetes,
// Docker and systemd. It is a module of its own, so that no program of ours links these.
package check
