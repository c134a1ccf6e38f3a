package hertzadapter

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/cloudwego/hertz/pkg/app/client"
	"github.com/cloudwego/hertz/pkg/common/config"
	"github.com/cloudwego/hertz/pkg/protocol"
	"github.com/cloudwego/hertz/pkg/protocol/consts"
)

// A load calls the service "shop" from several goroutines, as fast as it can.
type load struct {
	stop context.CancelFunc
	done sync.WaitGroup

	mu       sync.Mutex
	answered map[string]int
	failed   []failure
	began    time.Time
}

type failure struct {
	at     time.Time
	method string
	err    error
}

// press begins to call. A third of the requests are POSTs, if those are wanted.
func press(t *testing.T, c *client.Client, callers int, posts bool) *load {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	l := &load{stop: stop, answered: make(map[string]int), began: time.Now()}
	for i := range callers {
		l.done.Go(func() {
			for n := i; ctx.Err() == nil; n++ {
				method := consts.MethodGet
				if posts && n%3 == 0 {
					method = consts.MethodPost
				}
				l.call(ctx, c, method)
			}
		})
	}
	t.Cleanup(l.end)
	return l
}

func (l *load) call(ctx context.Context, c *client.Client, method string) {
	req, resp := protocol.AcquireRequest(), protocol.AcquireResponse()
	defer protocol.ReleaseRequest(req)
	defer protocol.ReleaseResponse(resp)
	req.SetMethod(method)
	req.SetRequestURI("http://shop/")
	req.SetOptions(config.WithSD(true), config.WithRequestTimeout(5*time.Second))
	err := c.Do(ctx, req, resp)
	if err == nil && resp.StatusCode() != consts.StatusOK {
		err = fmt.Errorf("status %d", resp.StatusCode())
	}
	if ctx.Err() != nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.failed = append(l.failed, failure{time.Now(), method, err})
	} else {
		l.answered[string(resp.Body())]++
	}
}

func (l *load) end() {
	l.stop()
	l.done.Wait()
}

// count is what came of the calls so far.
func (l *load) count() (answered map[string]int, failed []failure) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.answered), l.failed
}

// flows waits until n more calls were answered.
func (l *load) flows(t *testing.T, n int) {
	t.Helper()
	before := sum(l.count())
	await(t, "calls flow", func() bool { return sum(l.count()) >= before+n })
}

func sum(answered map[string]int, _ []failure) (n int) {
	for _, c := range answered {
		n += c
	}
	return n
}

// report logs the rate and fails if calls failed.
func (l *load) report(t *testing.T) {
	t.Helper()
	l.end()
	answered, failed := l.count()
	rate := float64(sum(answered, nil)) / time.Since(l.began).Seconds()
	t.Logf("%d calls answered by %d servers, %.0f a second; %d failed", sum(answered, nil), len(answered), rate, len(failed))
	for i, f := range failed {
		if i < 10 {
			t.Errorf("%s failed at %v: %v", f.method, f.at.Sub(l.began).Round(time.Millisecond), f.err)
		}
	}
}
