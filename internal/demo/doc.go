// Package demo is what "rollcall demo" runs: the main job of the project, on
// real parts, with what it shows also checked.
//
//	 node processes          Redis           this process
//	Hertz server x 4 --register--> embedded,  <--resolve-- observer <- Hertz's balancer
//	      ^                        or yours                                 |
//	      +----------------------- calls <- caller -------------------------+
//
// The actors are small: a process is a Hertz server of its own that can be told
// to leave, or killed; the caller calls the service steadily through a Hertz
// client; the observer stands between Hertz's balancer and the resolver and notes
// what the balancer is told, and when; the printer writes lines. The script is a
// list of steps that they play. The report judges what came of it.
//
// # Times
//
// A change is measured from the moment at which a node sets out to tell Redis of
// it, or is killed, until the resolver gives Hertz's balancer an answer that
// shows it. Hertz asks its resolver at an interval, 5 s by default; the demo sets
// 100 ms and says so.
package demo
