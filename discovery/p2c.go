package discovery

type p2c struct{}

// P2C picks the better of two nodes drawn at random.
func P2C() Balancer { return p2c{} }

func (p2c) String() string                  { return "p2c" }
func (p2c) pickOption()                     {}
func (p2c) tracks() bool                    { return true }
func (p2c) picker(members []*member) picker { return p2cPicker(members) }

type p2cPicker []*member

func (p p2cPicker) pick(uint64) *member {
	a, b := p[below(len(p))], p[below(len(p))]
	if b.state.load.calls.Load() < a.state.load.calls.Load() {
		return b
	}
	return a
}
