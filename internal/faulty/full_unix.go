//go:build unix

package faulty

import (
	"errors"
	"net"
	"syscall"
	"time"
)

// Full starts a node whose queue of connections is full, and which accepts none: a
// dial to it gets no answer.
func Full() (*Node, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	n := &Node{listener: l}
	raw, err := l.(*net.TCPListener).SyscallConn()
	if err == nil {
		controlErr := raw.Control(func(fd uintptr) { err = syscall.Listen(int(fd), 0) })
		err = errors.Join(err, controlErr)
	}
	for err == nil {
		var c net.Conn
		if c, err = net.DialTimeout("tcp", n.Addr(), 100*time.Millisecond); err == nil {
			n.filler = append(n.filler, c)
		}
	}
	var late net.Error
	if errors.As(err, &late) && late.Timeout() {
		return n, nil
	}
	n.Close()
	return nil, err
}
