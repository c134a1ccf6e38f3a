package see

import (
	"os"
	"runtime"
	"syscall"
)

// interrupt asks a process to end.
func interrupt(p *os.Process) error {
	if runtime.GOOS == "windows" {
		return p.Kill() // Windows has no way to ask
	}
	return p.Signal(syscall.SIGTERM)
}
