// Package logs makes the loggers that the packages of this module write to, and
// keeps a trouble that lasts from filling them.
//
//	Default    what a package logs to when its user sets no logger
//	FromSlog   a logger that hands its lines to a *slog.Logger
//	Episode    few lines for one trouble: when it begins, once a minute, when it ends
//	Trouble    an Episode of several goroutines
//
// A duration is logged with its unit: Stringer("after", d), never Dur, which
// writes a bare number. No line is written under a mutex.
package logs
