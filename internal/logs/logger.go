package logs

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/rs/zerolog"
)

// Default writes warnings and errors to standard error, one line each: time,
// level, text, and the fields as name=value, without colours.
func Default() zerolog.Logger { return Console(os.Stderr) }

// Console is Default to another writer.
func Console(out io.Writer) zerolog.Logger {
	w := zerolog.ConsoleWriter{Out: out, NoColor: true, TimeFormat: time.RFC3339}
	return zerolog.New(w).Level(zerolog.WarnLevel).With().Timestamp().Logger()
}

// FromSlog hands each line to l, with its level and its fields in their order. A
// trace is 4 below slog's debug. l decides which levels it takes. Where l is nil,
// FromSlog is Default.
func FromSlog(l *slog.Logger) zerolog.Logger {
	if l == nil {
		return Default()
	}
	return zerolog.New(handler{l.Handler()}).Level(zerolog.TraceLevel)
}

// handler is the writer behind FromSlog: zerolog gives it lines of JSON.
type handler struct{ slog.Handler }

var _ zerolog.LevelWriter = handler{}

func (h handler) Write(line []byte) (int, error) { return h.WriteLevel(zerolog.NoLevel, line) }

func (h handler) WriteLevel(level zerolog.Level, line []byte) (int, error) {
	ctx := context.Background()
	if !h.Enabled(ctx, slogLevel(level)) {
		return len(line), nil
	}
	message, attrs, err := decode(line)
	if err != nil {
		return 0, err
	}
	record := slog.NewRecord(time.Now(), slogLevel(level), message, 0)
	record.AddAttrs(attrs...)
	return len(line), h.Handle(ctx, record)
}

func slogLevel(level zerolog.Level) slog.Level {
	switch level {
	case zerolog.TraceLevel:
		return slog.LevelDebug - 4
	case zerolog.DebugLevel:
		return slog.LevelDebug
	case zerolog.WarnLevel:
		return slog.LevelWarn
	case zerolog.ErrorLevel, zerolog.FatalLevel, zerolog.PanicLevel:
		return slog.LevelError
	default:
		return slog.LevelInfo
	}
}

// decode takes a line of zerolog's apart.
func decode(line []byte) (message string, attrs []slog.Attr, err error) {
	d := json.NewDecoder(bytes.NewReader(line))
	d.UseNumber()
	if _, err = d.Token(); err != nil { // the opening brace
		return "", nil, err
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return "", nil, err
		}
		var value any
		if err = d.Decode(&value); err != nil {
			return "", nil, err
		}
		switch field, _ := name.(string); field {
		case zerolog.LevelFieldName, zerolog.TimestampFieldName: // the record has its own
		case zerolog.MessageFieldName:
			message, _ = value.(string)
		default:
			attrs = append(attrs, slog.Any(field, plain(value)))
		}
	}
	return message, attrs, nil
}

// plain makes a number of what JSON has kept as text.
func plain(value any) any {
	n, ok := value.(json.Number)
	if !ok {
		return value
	}
	if i, err := n.Int64(); err == nil {
		return i
	}
	if f, err := n.Float64(); err == nil {
		return f
	}
	return n.String()
}
