//go:build unix && !linux

package sidecar

import "os/exec"

// dieWithUs is for Linux only.
func dieWithUs(*exec.Cmd) {}
