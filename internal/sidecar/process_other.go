//go:build !unix

package sidecar

import (
	"os"
	"os/exec"
	"os/signal"
)

// NotifySignals returns the signals that Run takes. Call stop when Run has returned.
func NotifySignals() (signals <-chan os.Signal, stop func()) {
	c := make(chan os.Signal, 16)
	signal.Notify(c, os.Interrupt)
	return c, func() { signal.Stop(c) }
}

func stops(s os.Signal) bool { return s == os.Interrupt }

var stopSignal = os.Interrupt

// signal ends the command: there is no other signal here.
func (p *process) signal(os.Signal) { _ = p.cmd.Process.Kill() }

func (p *process) killGroup() {}

func ownGroup(*exec.Cmd) {}

func dieWithUs(*exec.Cmd) {}

func exitCode(s *os.ProcessState) int {
	if s == nil {
		return cannotExecute
	}
	return s.ExitCode()
}

func killedBy(*os.ProcessState) string { return "" }

func shell(words string) *exec.Cmd { return exec.Command("cmd", "/C", words) }
