// Package keys builds the names of everything that Rollcall keeps in Redis.
//
// Its functions are pure. Names and ids are percent-encoded, so any string
// works as one, and none can forge another's key, a hash tag or a pattern:
//
//	rollcall:namespaces                     zset     every namespace
//	rollcall:{ns}:services                  zset     every service of a namespace
//	rollcall:{ns/svc}:node:<id>             hash     one node
//	rollcall:{ns/svc}:index                 zset     node -> end of its lease
//	rollcall:{ns/svc}:version               hash     epoch, revision, tag
//	rollcall:{ns/svc}:log                   list     the newest changes
//	rollcall:{ns/svc}:override              hash     node -> what an operator set
//	rollcall:{ns/svc}:events:<db>           channel  change events
//
// Everything of one service carries one hash tag and so lives in one cluster
// slot. An encoded namespace holds no slash, so the tag of a namespace is never
// the tag of a service.
package keys
