package savedviews_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/internal/savedviews"
	"github.com/rollcall-go/rollcall/registry"
)

// A oneView is a source with one view of every service.
type oneView struct{ v *registry.View }

func (s oneView) Follow(string, ...registry.FollowOption) (registry.Follower, error) {
	return &oneViewFollower{s.v}, nil
}

type oneViewFollower struct{ v *registry.View } // nil once it was returned

func (f *oneViewFollower) Next(ctx context.Context) (*registry.View, error) {
	if v := f.v; v != nil {
		f.v = nil
		return v, nil
	}
	<-ctx.Done()
	return nil, ctx.Err()
}

func (*oneViewFollower) Stop() {}

// FuzzDecode feeds what may be on a disk, as it is and under a checksum that is
// right: it never panics, and what it takes can be used and written again.
func FuzzDecode(f *testing.F) {
	data, err := savedviews.ShopFile().Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(data))
	for _, body := range []string{
		`{}`, `null`, `[]`, `{"services":[{"Nodes":[{"Address":"a","Weight":9,"Metadata":null}]}]}`,
		`{"services":[{"Endpoints":[{"Request":{"Values":[null]}}]}]}`, `{"saved":"9999-12-31T23:59:59Z"}`,
		strings.Repeat(`{"services":[`, 1000),
	} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, file := range []string{text, savedviews.Sealed(text)} {
			s, err := savedviews.Decode([]byte(file), savedviews.Named("", ""))
			if err != nil {
				if !errors.Is(err, savedviews.ErrForeign) && !errors.Is(err, savedviews.ErrCorrupt) && !errors.Is(err, savedviews.ErrTooBig) {
					t.Errorf("no reason in %v", err)
				}
				continue
			}
			r := discovery.New(oneView{&registry.View{Services: s.Services, History: "h"}}, discovery.SlowStart(time.Second))
			v, err := r.Resolve(t.Context(), "shop")
			if err != nil {
				t.Fatal(err)
			}
			for _, n := range v.Nodes() {
				_ = v.ServiceOf(n)
			}
			_ = r.Close()
			again, err := s.Encode()
			if err != nil {
				t.Fatalf("it is taken, and cannot be written: %v", err)
			}
			back, err := savedviews.Decode(again, savedviews.Named("", ""))
			if err != nil {
				t.Fatalf("it is written, and not taken: %v", err)
			}
			if third, _ := back.Encode(); string(third) != string(again) {
				t.Errorf("%s\n%s", again, third)
			}
		}
	})
}
