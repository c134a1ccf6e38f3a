package sidecar

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// A Check says whether the command can serve: nil, or why it cannot.
type Check func(ctx context.Context) error

// ParseCheck makes a check of what the flag --check says:
//
//	http://host:port/path   a GET that is answered with a status from 200 to 399; https, too
//	tcp://host:port         a connection can be made
//	cmd:words               the shell command exits with 0
func ParseCheck(text string) (Check, error) {
	scheme, rest, _ := strings.Cut(text, ":")
	switch scheme {
	case "http", "https":
		if u, err := url.Parse(text); err != nil || u.Hostname() == "" {
			return nil, fmt.Errorf("check %q: want http://host:port/path", text)
		}
		return httpCheck(text), nil
	case "tcp":
		address := strings.TrimPrefix(rest, "//")
		if host, port, err := net.SplitHostPort(address); err != nil || host == "" || port == "" {
			return nil, fmt.Errorf("check %q: want tcp://host:port", text)
		}
		return tcpCheck(address), nil
	case "cmd":
		if strings.TrimSpace(rest) == "" {
			return nil, fmt.Errorf("check %q: want cmd: and a shell command", text)
		}
		return shellCheck(rest), nil
	}
	return nil, fmt.Errorf("check %q: want http://host:port/path, tcp://host:port or cmd:COMMAND", text)
}

// maxBody is how much of an answer is read, so that its connection closes in order.
const maxBody = 64 << 10

func httpCheck(address string) Check {
	client := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true}, // each check shows that a new caller gets in
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		if err != nil {
			return err
		}
		req.Header.Set("User-Agent", "rollcall-check")
		resp, err := client.Do(req)
		if err != nil {
			return err
		}
		defer func() { _ = resp.Body.Close() }()
		_, _ = io.CopyN(io.Discard, resp.Body, maxBody)
		if resp.StatusCode < 200 || resp.StatusCode > 399 {
			return errors.New(resp.Status)
		}
		return nil
	}
}

func tcpCheck(address string) Check {
	return func(ctx context.Context) error {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err != nil {
			return err
		}
		return conn.Close()
	}
}

// health turns the results of checks into whether the node is to be registered. The zero
// value is a node that has not passed yet.
type health struct {
	up       bool
	failures int // in a row
}

// note takes the result of a check, and reports whether up has changed: one success is
// enough to be up, and limit failures in a row to be down.
func (h *health) note(err error, limit int) (changed bool) {
	if err == nil {
		changed, h.up, h.failures = !h.up, true, 0
		return changed
	}
	h.failures++
	changed = h.up && h.failures >= limit
	if changed {
		h.up = false
	}
	return changed
}
