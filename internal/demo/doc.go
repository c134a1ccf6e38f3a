// Package demo is what "rollcall demo" runs: the main job of the project, on
// real parts, with what it shows also checked.
//
//	 node processes          Redis           this process
//	Hertz server x 4 --register--> embedded, --changes--> resolver -> observer
//	      ^                        or yours                  |
//	      +---------------- calls <- caller <------ picks ---+
//
// The actors are small: a process is a Hertz server of its own that can be made
// to leave, or killed; the caller calls the service steadily through a Hertz
// client; the observer follows the client's view and records what it shows, and when;
// the printer writes lines. The script is the
// list of steps that they play. The report checks the results.
//
// # Times
//
// A change is measured from the moment at which a node begins to write the change to
// Redis, or is killed, until the client's view shows it.
package demo
