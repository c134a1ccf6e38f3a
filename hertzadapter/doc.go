// Package hertzadapter lets Hertz servers register themselves in a Rollcall
// registry, and Hertz clients find them there.
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
// # A server's life
//
// Hertz registers a server one second after it starts, and an error from
// Register ends the server. It deregisters before it stops to listen, and an
// error from Deregister makes it drop the requests in hand. Hence:
//
//	                        Register                Deregister
//	input that is wrong     error, server ends      error
//	wrong password, option  error, server ends
//	of Redis, or right
//	Redis not reachable     nil, goes on trying     nil within WithTimeout, one log line
//	                        (WithStrict: error)
//	called first            registers               nil; the late Register that follows
//	                                                does nothing
//
// With WithDrain, Deregister first tells callers to turn away, and then waits, while
// the server still serves. Hertz gives a whole shutdown server.WithExitWaitTime, 5 s by
// default, and tells nobody; WithTimeout is the part of it that Deregister may take.
//
// # The address
//
// A node announces Info.Addr, where its host is one that others can use. An
// empty host, 0.0.0.0 and :: become the address in the variable POD_IP, or else
// the address from which this machine reaches the world: see registry.Advertise.
// WithAdvertise replaces any of them.
//
// # Weight
//
// Weights mean what they mean in Hertz. An Info.Weight of 0, and an entry of the
// community's layout without a weight over 0, have Hertz's default, 10, which is the
// registry's too; a negative Info.Weight is an error, because Hertz's clients would take
// it for 10. A node that its registry shows with registry.NoTraffic, as by an operator's
// override, is in no list that a Hertz client gets: an Instance cannot say it, since
// Hertz makes 10 of a weight of 0 or less.
//
// # The community package
//
// NewRedisRegistry and NewRedisResolver take the place of those of
// hertz-contrib/registry/redis. They write and read its layout as well as their own,
// so that old and new processes find each other; WithCommunityKeys(false) ends that.
// docs/migration.md walks through it.
//
// # Names
//
// Hertz's client writes the host of a URL in lower case before it asks a
// resolver. A service that it is to find needs a name in lower case.
package hertzadapter
