package intake

import (
	"io"
	"log/slog"
	"runtime"
	"strings"
)

// NewLog returns a logger that writes lines of text to w. Its times are days
// (UTC): a precise time next to what an observer of the network saw would tell
// which connection was whose.
func NewLog(w io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) == 0 && a.Key == slog.TimeKey {
				return slog.String("day", a.Value.Time().UTC().Format("2006-01-02"))
			}
			return a
		},
	}))
}

// logPanic logs where a handler panicked: the names of the functions on the
// stack and nothing else. A panic's value, and the arguments that a stack trace
// of the runtime prints, may hold a witness's words.
func logPanic(log *slog.Logger) {
	var pcs [64]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs[:])])
	var names []string
	for {
		f, more := frames.Next()
		if f.Function != "" {
			names = append(names, f.Function)
		}
		if !more {
			break
		}
	}
	log.Error("panic", "stack", strings.Join(names, " < "))
}
