// Package demo is what "rollcall demo" runs: the main job of the project, on
// real parts, with what it shows also checked.
//
//	 node processes          Redis           this process
//	Hertz server x 4 --register--> embedded, --changes--> resolver -> observer
//	      ^                        or yours                  |
//	      +---------------- calls <- caller <------ picks ---+
//
// The actors are small: a process is a Hertz server of its own that can be told
// to leave, or killed; the caller calls the service steadily through a Hertz
// client; the observer follows the client's view and notes what it shows, and when;
// the printer writes lines. The script is a
// list of steps that they play. The report judges what came of it.
//
// # Times
//
// A change is measured from the moment at which a node sets out to tell Redis of
// it, or is killed, until the client's view shows it.
package demo
