// Package hertzadapter lets Hertz servers register in a Rollcall registry, and Hertz clients
// find them there.
//
//	r := registry.NewRegistry(registry.Addrs("10.0.0.5:6379"))
//	h := server.Default(
//		server.WithHostPorts(":8888"),
//		server.WithRegistry(hertzadapter.NewRegistry(r), &hertzregistry.Info{
//			ServiceName: "shop",
//			Addr:        utils.NewNetAddr("tcp", ":8888"),
//			Tags:        map[string]string{"version": "v2", "zone": "eu-1"},
//		}))
//
//	cli.Use(hertzadapter.Discovery(discovery.New(r)))
//	cli.Get(ctx, nil, "http://shop/ping", config.WithSD(true), config.WithTag("zone", "eu-1"))
//
// # Start and stop of a server
//
// Hertz calls Register one second after a server starts; an error ends the server. It calls
// Deregister before it stops to listen; an error makes it drop the requests that are being
// served. So these return:
//
//	                        Register                Deregister
//	input that is wrong     error, server ends      error
//	wrong password, option  error, server ends      nil, one log line
//	of Redis, or right
//	Redis is away           nil, goes on trying     nil within WithTimeout, one log line
//	                        (WithStrict: error)
//	called first            registers               nil; the late Register that follows
//	                                                does nothing
//
// With WithDrain, Deregister first marks the node as draining, and then waits while the server
// still serves. Hertz gives a shutdown server.WithExitWaitTime, 5 s by default. A registry
// cannot ask Hertz for that value; WithTimeout is the part of it that Deregister may take.
//
// # The address
//
// A node is registered with Info.Addr. An empty host, 0.0.0.0 and :: are replaced by the
// address in the variable POD_IP, or else by the address from which this machine reaches other
// networks: see registry.Advertise. WithAdvertise replaces Info.Addr.
//
// # Weight
//
// Weights mean what they mean in Hertz. An Info.Weight of 0, and an entry of the community's
// layout whose weight is 0 or less, mean Hertz's default, 10, which is that of the registry
// too. A negative Info.Weight is an error, because Hertz's clients would use 10. Hertz's
// clients never get a node with registry.NoTraffic, which an operator can set: Hertz has no
// weight for it, since it uses 10 for a weight of 0 or less.
//
// # The community package
//
// NewRedisRegistry and NewRedisResolver replace those of hertz-contrib/registry/redis. They
// write and read its layout as well as their own, so that old and new processes find each
// other; WithCommunityKeys(false) turns that off. docs/migration.md describes the steps.
//
// # Names
//
// Hertz's client writes the host of a URL in lower case before it asks a resolver. So a
// service that Hertz's clients call needs a name in lower case.
package hertzadapter
