package registry

// Untimed has the reaper go by hints alone.
func Untimed() Option { return func(o *Options) { o.untimed = true } }
