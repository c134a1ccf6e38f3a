// Package fleet measures many clients, watchers and services on one Redis. Each benchmark
// runs for a few seconds, whatever the benchtime, so run it with -benchtime 1x.
//
// With -clients 1000 it has as many clients of one service.
//
// All clients are in one process beside Redis, so the time that an event takes holds the
// wait for a core: take the ratios.
//
//   - bare-publish in FanOut: as many go-redis subscriptions of one channel, and a PUBLISH of
//     a record of the same length. It is the limit: nobody stores or orders anything.
//   - bare-subscription in Watcher: one go-redis client with one subscription.
//   - polling in Clients: each client reads the hash of the service, one JSON document for
//     each node, every 5 s.
package fleet
