// Package redistest gives tests real Redis servers, and the means to hurt them:
// standalone, under Sentinel, in a Cluster, behind a faulty network, and one
// inside the process for testing/synctest.
//
//	s := redistest.Start(t)            // one redis-server
//	s.Kill()                           // also Pause, Resume, Restart, Flush
//	sen := redistest.StartSentinel(t)  // a master, two replicas, three sentinels
//	sen.Failover()
//	c := redistest.StartCluster(t)     // three masters, three replicas
//	c.MasterFor("key").Kill()
//	p := redistest.StartProxy(t, s.Addr())
//	p.Stall()
//
// A missing redis-server is a failure that says what to install, never a skip.
// The environment variable REDIS_SERVER names another binary to test, such as an
// older version or Valkey.
//
// # Lifetime
//
// What a test starts ends with the test. It also ends with the test process,
// however that ends: by a panic, -timeout, Ctrl-C or SIGKILL. Each server is the
// child of a small shell that waits on a pipe; the test process holds the other
// end, and when it is gone the shell kills the server, even a stopped one.
//
// # Sharing
//
// A cluster takes seconds to start. The tests of a package can share one server
// of each topology: SharedStandalone, SharedSentinel, SharedCluster and
// SharedEmbedded start it for the first test that asks, and flush it at the end
// of each. Tests that share must not run in parallel. A package that shares
// hands its TestMain to Main, which stops the servers and looks for leaked
// goroutines. Each runs a conformance suite on all four.
//
// # Use
//
// Methods of a server fail the test that it was started for, so they are called
// from that test's goroutine. Every wait has a deadline and says what it was for.
package redistest
