// Package sidecar runs a program and registers it as a node of a service for as long as
// it runs and its check passes. The program needs to know nothing of Rollcall.
//
//	start the command --check passes--> registered --check fails--> deregistered, and so on
//
//	SIGTERM, SIGINT   registered as draining, wait, hand the signal on to the command and
//	                  to all processes that it started; a second one ends the wait
//	other signals     handed on to the command at once
//	the command ends  deregistered; Run returns its exit code
//
// Redis is not needed to run the command: the node is registered when Redis can be
// reached, and again after a flush.
//
// The command leads a process group of its own. When it ends, what is left of the group is
// killed. On Linux the command is killed, too, if this process dies without a chance to
// end it.
package sidecar
