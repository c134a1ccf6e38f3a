package httpcall

import "context"

// WithValues returns ctx, with its end, and with the values of another context that was made
// from it.
func WithValues(ctx, values context.Context) context.Context {
	if ctx == values {
		return ctx
	}
	return valued{ctx, values}
}

type valued struct {
	context.Context
	values context.Context
}

func (v valued) Value(key any) any { return v.values.Value(key) }
