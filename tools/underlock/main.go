// Command underlock finds what this module forbids: a log line, or a call of a
// function of the user's (an observer, an OnState, a check, a filter, an option, a
// credentials provider, the body of a request), that is made while a mutex is held. Either may block, or call back and
// wait for that very mutex.
//
// It follows static calls, and function literals to where they are called. It does
// not follow other calls through interfaces, goroutines that are started, and function
// literals that are only kept or handed on, such as to an outbox. The mutex is held
// from Lock or RLock to Unlock or RUnlock on any path through the function, and to
// the end of the function where those are deferred.
//
//	go run ./underlock DIR    # DIR: the root of the module to check
package main

import (
	"fmt"
	"os"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: underlock DIR")
		os.Exit(2)
	}
	found, err := check(os.Args[1], nil, "./...")
	if err != nil {
		fmt.Fprintln(os.Stderr, "underlock:", err)
		os.Exit(2)
	}
	for _, f := range found {
		fmt.Println(f)
	}
	if len(found) > 0 {
		fmt.Fprintln(os.Stderr, "Note under the mutex what is to be said or called, unlock, and then do it, or hand it to an outbox.")
		os.Exit(1)
	}
}
