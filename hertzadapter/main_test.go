package hertzadapter

import (
	"fmt"
	"io"
	"os"
	"testing"

	"github.com/cloudwego/hertz/pkg/common/hlog"
	"github.com/redis/go-redis/v9/logging"
	"go.uber.org/goleak"

	"github.com/rollcall-go/rollcall/internal/redistest"
)

func TestMain(m *testing.M) {
	hlog.SetOutput(io.Discard)
	logging.Disable() // go-redis logs every failed dial to standard error
	if config := os.Getenv(processVar); config != "" {
		if err := runProcess(config); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	redistest.Main(m,
		// What Hertz leaves running, whatever a program does: balancers, which have
		// no end; cleaners, which sleep before they see that there is nothing left
		// to clean; the pollers of its network library; the clock of its Date
		// headers; Run's goroutine, which hands its result to a Spin that has
		// returned; and the one that registers a second after the start.
		goleak.IgnoreAnyFunction("github.com/cloudwego/hertz/pkg/app/client/loadbalance.(*BalancerFactory).watcher"),
		goleak.IgnoreAnyFunction("github.com/cloudwego/hertz/pkg/app/client/loadbalance.(*BalancerFactory).refresh"),
		goleak.IgnoreAnyFunction("github.com/cloudwego/hertz/pkg/app/client.(*Client).cleaner"),
		goleak.IgnoreAnyFunction("github.com/cloudwego/hertz/pkg/protocol/http1.(*HostClient).connsCleaner"),
		goleak.IgnoreAnyFunction("github.com/cloudwego/hertz/pkg/protocol.UpdateServerDate.func1"),
		goleak.IgnoreAnyFunction("github.com/cloudwego/netpoll.(*defaultPoll).Wait"),
		goleak.IgnoreAnyFunction("github.com/cloudwego/hertz/pkg/app/server.(*Hertz).Spin.func1"),
		goleak.IgnoreAnyFunction("github.com/cloudwego/hertz/pkg/app/server.(*Hertz).Spin.(*Hertz).initOnRunHooks.func2.1"),
	)
}
