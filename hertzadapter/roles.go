package hertzadapter

// A RegistryOption is an option of NewRegistry, and so of NewRedisRegistry.
type RegistryOption interface {
	RedisRegistryOption
	ofRegistry()
}

// A ResolverOption is an option of NewResolver, and so of NewRedisResolver.
type ResolverOption interface {
	RedisResolverOption
	ofResolver()
}

// A DiscoveryOption is an option of Discovery.
type DiscoveryOption interface {
	role
	ofDiscovery()
}

// A RedisRegistryOption is an option of NewRedisRegistry. Each RegistryOption and each
// RedisOption is one.
type RedisRegistryOption interface {
	role
	ofRedisRegistry()
}

// A RedisResolverOption is an option of NewRedisResolver. Each ResolverOption and each
// RedisOption is one.
type RedisResolverOption interface {
	role
	ofRedisResolver()
}

// An Option is an option of every constructor of this package.
type Option interface {
	RegistryOption
	ResolverOption
	DiscoveryOption
}

// A RedisOption says how NewRedisRegistry and NewRedisResolver reach Redis. The names and
// arguments are those of the community package hertz-contrib/registry/redis. For other
// settings of Redis, make a registry of your own for NewRegistry and NewResolver.
type RedisOption interface {
	RedisRegistryOption
	RedisResolverOption
}

// A SharedOption is an option of NewRegistry, NewRedisRegistry and NewRedisResolver.
type SharedOption interface {
	RegistryOption
	RedisResolverOption
}

// A role is what all types of options share.
type role interface{ set(*redisOptions) }

// A setting implements every type of option. The type that a function returns says which
// constructors take the option: others do not compile with it.
type setting func(*redisOptions)

func (s setting) set(o *redisOptions) { s(o) }

func (setting) ofRegistry()      {}
func (setting) ofResolver()      {}
func (setting) ofDiscovery()     {}
func (setting) ofRedisRegistry() {}
func (setting) ofRedisResolver() {}

// apply takes over the options in order.
func apply[O role](o *redisOptions, opts []O) {
	for _, opt := range opts {
		if any(opt) == nil {
			o.wrong = invalid("a nil option: leave it out")
			continue
		}
		opt.set(o)
	}
}
