// Package probe has the commands that ask what callers and monitors ask: which node a
// client would call, which nodes answer, and whether a service has enough of them.
package probe
