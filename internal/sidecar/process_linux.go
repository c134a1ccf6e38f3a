package sidecar

import (
	"os/exec"
	"syscall"
)

// dieWithUs has Linux kill the command when the thread that starts it ends.
func dieWithUs(cmd *exec.Cmd) { cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL }
