package sidecar

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestParseCheckRefuses(t *testing.T) {
	for _, text := range []string{"", "http", "http://", "http:///path", "tcp://", "tcp://:80", "tcp://host", "tcp://host:", "cmd:", "cmd: ", "grpc://host:80", "localhost:80"} {
		if _, err := ParseCheck(text); err == nil || !strings.Contains(err.Error(), "want ") {
			t.Errorf("%q: %v, want an error that says what is wanted", text, err)
		}
	}
}

func TestChecks(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/down":
			w.WriteHeader(http.StatusServiceUnavailable)
		case "/elsewhere":
			http.Redirect(w, r, "/down", http.StatusFound)
		case "/hangs":
			<-r.Context().Done()
		}
	}))
	t.Cleanup(server.Close)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	for check, want := range map[string]string{
		server.URL + "/up":                          "",
		server.URL + "/elsewhere":                   "",
		server.URL + "/down":                        "503",
		server.URL + "/hangs":                       "deadline",
		"tcp://" + server.Listener.Addr().String():  "",
		"tcp://" + closed.Addr().String():           "refused",
		"cmd:true":                                  "",
		"cmd:echo 'no disk' >&2; echo more; exit 3": `exit status 3: "no disk"`,
		"cmd:sleep 60":                              "deadline",
		"cmd:sleep 60 & exit 0":                     "", // though a process that it started keeps its output open
	} {
		t.Run(check, func(t *testing.T) {
			t.Parallel()
			f, err := ParseCheck(check)
			if err != nil {
				t.Fatal(err)
			}
			limit := 30 * time.Second
			if want == "deadline" {
				limit = 100 * time.Millisecond
			}
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			switch err := f(ctx); {
			case want == "" && err != nil:
				t.Error(err)
			case want == "deadline":
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("%v, want a deadline that passed", err)
				}
			case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
				t.Errorf("%v, want %q", err, want)
			}
		})
	}
}

func TestHealth(t *testing.T) {
	bad := errors.New("bad")
	var h health
	for i, step := range []struct {
		err         error
		changed, up bool
	}{
		{bad, false, false},
		{bad, false, false},
		{bad, false, false},
		{nil, true, true},
		{nil, false, true},
		{bad, false, true},
		{nil, false, true},
		{bad, false, true},
		{bad, true, false},
		{bad, false, false},
		{nil, true, true},
	} {
		if changed := h.note(step.err, 2); changed != step.changed || h.up != step.up {
			t.Errorf("step %d: changed %v, up %v, want %v, %v", i, changed, h.up, step.changed, step.up)
		}
	}
}
