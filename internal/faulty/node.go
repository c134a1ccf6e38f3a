// Package faulty has nodes that fail in known ways over real connections, for tests
// of what callers make of that.
package faulty

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
)

// A Node listens on a port of 127.0.0.1.
type Node struct {
	listener net.Listener
	tasks    sync.WaitGroup

	mu     sync.Mutex
	conns  map[net.Conn]bool // nil once it is closed
	filler []net.Conn
}

// Start starts a node that handles each connection by f, which need not close it.
func Start(f func(net.Conn)) (*Node, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	n := &Node{listener: l, conns: map[net.Conn]bool{}}
	n.tasks.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			n.mu.Lock()
			open := n.conns != nil
			if open {
				n.conns[c] = true
			}
			n.mu.Unlock()
			if !open {
				_ = c.Close()
				continue
			}
			n.tasks.Go(func() {
				f(c)
				_ = c.Close()
			})
		}
	})
	return n, nil
}

// Addr is where the node listens.
func (n *Node) Addr() string { return n.listener.Addr().String() }

// Close closes all connections, and waits until nothing runs.
func (n *Node) Close() {
	_ = n.listener.Close()
	n.mu.Lock()
	for c := range n.conns {
		_ = c.Close()
	}
	for _, c := range n.filler {
		_ = c.Close()
	}
	n.conns = nil
	n.mu.Unlock()
	n.tasks.Wait()
}

// Refused is an address where nothing listens.
func Refused() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// Hang reads and never answers.
func Hang(c net.Conn) { _, _ = io.Copy(io.Discard, c) }

// Deaf does not even read.
func Deaf(c net.Conn) {
	_ = c.(*net.TCPConn).SetReadBuffer(4096)
	_, _ = c.Write(nil)
	wait(c)
}

// wait waits until the connection is closed on this side.
func wait(c net.Conn) {
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err == nil {
		_ = raw.Read(func(uintptr) bool { return false })
	}
}

// HangUp closes the connection in the place of an answer.
func HangUp(c net.Conn) { _, _ = http.ReadRequest(bufio.NewReader(c)) }

// Reset resets the connection in the place of an answer.
func Reset(c net.Conn) {
	_, _ = http.ReadRequest(bufio.NewReader(c))
	_ = c.(*net.TCPConn).SetLinger(0)
}

// Say answers the first request with this text and then hangs.
func Say(text string) func(net.Conn) {
	return func(c net.Conn) {
		if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
			_, _ = io.WriteString(c, text)
			Hang(c)
		}
	}
}

// Break answers the first request with this text and then closes the connection.
func Break(text string) func(net.Conn) {
	return func(c net.Conn) {
		if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
			_, _ = io.WriteString(c, text)
		}
	}
}

// Answers of an HTTP server that goes wrong.
const (
	Garbage    = "-ERR unknown command 'GET'\r\n\r\n"
	HalfHeader = "HTTP/1.1 200 OK\r\nContent-Le"
	HalfBody   = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhello"
	Ok         = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
)

// LongHeader is an answer with a header of 100,000 bytes.
var LongHeader = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nLong: " + strings.Repeat("x", 100_000) + "\r\n\r\n"
