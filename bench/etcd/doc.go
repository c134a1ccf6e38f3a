// Package etcd measures the works of package server through etcd, by its own server and
// client of version 3:
//
//   - etcd-embedded: the server runs in the process of the benchmark, its data on tmpfs.
//   - etcd-tmpfs: the server is a process of its own, as Redis is, its data on tmpfs.
//   - etcd-disk: the same with its data in the folder of temporary files.
//
// A new node is a Grant of a lease and a Put with it; it is renewed by KeepAliveOnce; a
// service is read by Get of its prefix and JSON; a client watches the prefix. Keys and
// records are those of package server. etcd has no pipeline, so a hundred at a time are a
// hundred calls at once over one connection, which is how its client sends them.
//
// The server is one member with default settings and no log. A cluster of three
// would be slower: each write waits for a second one.
package etcd
