package see

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollcall-go/rollcall/registry"
)

// views is a Follower of views that are given, and of none after them.
type views []*registry.View

func (v *views) Next(ctx context.Context) (*registry.View, error) {
	if len(*v) == 0 {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	first := (*v)[0]
	*v = (*v)[1:]
	return first, nil
}

func (v *views) Stop() {}

// away is the view of n nodes while Redis is away.
func away(n int) *registry.View {
	v := present(n)
	v.StaleSince, v.Err = time.Now(), fmt.Errorf("%w: connection refused", registry.ErrUnavailable)
	return v
}

func present(n int) *registry.View {
	s := &registry.Service{Name: "shop"}
	for range n {
		s.Nodes = append(s.Nodes, &registry.Node{})
	}
	return &registry.View{Services: []*registry.Service{s}}
}

func TestAnOldViewMeetsNoCondition(t *testing.T) {
	for _, tc := range []struct {
		name  string
		views views
		want  error
	}{
		{"met", views{present(2), present(3)}, nil},
		{"not in time", views{present(2)}, errors.New("not met")},
		{"away", views{away(3)}, registry.ErrUnavailable},
		{"away and back", views{away(3), present(3)}, nil},
		{"away and back with less", views{away(3), present(2)}, errors.New("not met")},
		{"away later", views{present(2), away(3)}, registry.ErrUnavailable},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			var out bytes.Buffer
			cmd := &cobra.Command{}
			cmd.SetOut(&out)
			cmd.SetErr(&out)
			cmd.SetContext(t.Context())
			until := conditions{{Name: "nodes", Op: ">=", Value: 3}}
			err := await(ctx, cmd, &tc.views, "shop", &until, func(v *registry.View) service {
				return service{Nodes: len(v.Services[0].Nodes)}
			}, func(error, string) string { return "no answer" })
			if (err == nil) != (tc.want == nil) || errors.Is(err, registry.ErrUnavailable) != errors.Is(tc.want, registry.ErrUnavailable) {
				t.Errorf("%v, want %v\n%s", err, tc.want, &out)
			}
		})
	}
}
