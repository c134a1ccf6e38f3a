// Package bench measures picks of Rollcall side by side with its peers, in one run on one
// machine. It is a module of its own, so that who uses Rollcall gets none of them.
//
//	cd bench && go test -run '^$' -bench . -benchmem -count 5
//
// Package server below it measures what goes through Redis, package etcd the same beside
// etcd, package fleet many watchers, clients and services, and package growth what an item
// costs among ten times as many. Make bench runs all of them. Package decode compares ways to
// read a record, and program scale runs a fleet of a given size.
//
// Each line is one choice of a node, and the report to the balancer that the call is over
// where there is such a thing. Names are balancer/nodes/product. On a busy machine the
// lowest of several runs is the truest.
//
// Peers are called as their own clients call them: Hertz by
// BalancerFactory.GetInstance, with the weighted balancer that is its default; go-kratos
// by Select and the DoneFunc of its p2c selector; gRPC-Go by the picker that its
// round_robin and weighted_round_robin hand to the channel, over connections that do
// nothing. Those pickers get no service name, so that the search for it, which the
// others do, is not in their figures; and weighted_round_robin gets no load reports, so
// that its weights stay equal. The p2c of go-zero is not here: it is internal, and its
// only door is the whole of zrpc, with the clients of etcd and Kubernetes.
package bench
