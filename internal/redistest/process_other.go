//go:build !unix

package redistest

import "errors"

var errNoUnix = errors.New("redistest: real servers need a Unix system; on Windows run the tests in WSL")

type process struct {
	pid  int
	done chan struct{}
}

func startProcess(string, string, ...string) (*process, error) { return nil, errNoUnix }

func (p *process) output() string   { return "" }
func (p *process) kill()            {}
func (p *process) alive() bool      { return false }
func (p *process) pause(bool) error { return errNoUnix }
