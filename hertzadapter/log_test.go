package hertzadapter

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/rs/zerolog"
)

// Who sets no logger is warned all the same.
func TestTheDefaultLoggerWarns(t *testing.T) {
	for name, l := range map[string]zerolog.Logger{
		"NewRegistry":      newOptions[Option](nil).logger,
		"NewRedisRegistry": newRedisOptions[RedisOption]("127.0.0.1:6379", nil).logger,
	} {
		if level := l.GetLevel(); level != zerolog.WarnLevel {
			t.Errorf("%s logs from %v on, want warnings", name, level)
		}
	}
}

func TestASlogLoggerIsTaken(t *testing.T) {
	var log bytes.Buffer
	info := shopAt("10.0.0.1:80")
	info.ServiceName = "Shop"
	must(t, NewRegistry(&fake{}, WithSlog(slog.New(slog.NewTextHandler(&log, nil)))).Register(info))
	if got := log.String(); !strings.Contains(got, "level=WARN") || !strings.Contains(got, "service=Shop") {
		t.Errorf("the log is %q", got)
	}
}
