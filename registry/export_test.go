package registry

import "time"

// Untimed has the reaper use hints alone.
func Untimed() Option { return func(o *Options) { o.untimed = true } }

// VacantFor is how long a watch of all services follows one after its last node.
func VacantFor(d time.Duration) Option { return func(o *Options) { o.vacantFor = d } }
