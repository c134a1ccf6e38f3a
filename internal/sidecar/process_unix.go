//go:build unix

package sidecar

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
)

// NotifySignals returns the signals that Run takes. Call stop when Run has returned.
func NotifySignals() (signals <-chan os.Signal, stop func()) {
	c := make(chan os.Signal, 16)
	signal.Notify(c, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2)
	return c, func() { signal.Stop(c) }
}

// stops says whether a signal asks the command to end.
func stops(s os.Signal) bool { return s == syscall.SIGTERM || s == syscall.SIGINT }

// stopSignal is sent where the context of Run ends.
var stopSignal os.Signal = syscall.SIGTERM

// signal hands a signal on: one that ends to the whole group, as a terminal and systemd
// do, another to the command alone.
func (p *process) signal(s os.Signal) {
	pid := p.cmd.Process.Pid
	if stops(s) {
		pid = -pid
	}
	if number, ok := s.(syscall.Signal); ok {
		_ = syscall.Kill(pid, number)
	}
}

// killGroup kills what the command has started and left behind.
func (p *process) killGroup() { _ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) }

// exitCode is that of the command, or 128 and the number of the signal that ended it.
func exitCode(s *os.ProcessState) int {
	if s == nil {
		return cannotExecute
	}
	if status, ok := s.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return s.ExitCode()
}

// killedBy is the signal that ended the command, such as "signal 9 (killed)"; "" where none did.
func killedBy(s *os.ProcessState) string {
	if s == nil {
		return ""
	}
	status, ok := s.Sys().(syscall.WaitStatus)
	if !ok || !status.Signaled() {
		return ""
	}
	return fmt.Sprintf("signal %d (%v)", status.Signal(), status.Signal())
}

// ownGroup makes a command the leader of a process group.
func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

func shell(words string) *exec.Cmd { return exec.Command("/bin/sh", "-c", words) }
