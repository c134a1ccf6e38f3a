package hertzadapter

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	hertzdiscovery "github.com/cloudwego/hertz/pkg/app/client/discovery"
	hertzregistry "github.com/cloudwego/hertz/pkg/app/server/registry"
	"github.com/redis/go-redis/v9"
)

// An oldPackage does to Redis what hertz-contrib/registry/redis does, faults
// included: an error of Redis is nothing to it, one expiry holds for all fields, and
// a field is written once.
type oldPackage struct {
	c         *redis.Client
	expire    time.Duration // 60 s there, unless set
	publishes bool          // as its older versions do
}

type oldValue struct {
	ServiceName string            `json:"service_name"`
	Addr        string            `json:"addr"`
	Weight      int               `json:"weight"`
	Tags        map[string]string `json:"tags"`
}

func (p oldPackage) Register(info *hertzregistry.Info) error {
	ctx, key, field := context.Background(), "/hertz/"+info.ServiceName+"/server", info.Addr.String()
	value, err := json.Marshal(oldValue{info.ServiceName, field, info.Weight, info.Tags})
	if err != nil {
		return err
	}
	p.c.HSet(ctx, key, field, value)
	p.refresh(info.ServiceName)
	p.publish(key, "register-"+info.ServiceName+"-"+field)
	return nil
}

// refresh is what every server does again and again: all 30 s, unless set.
func (p oldPackage) refresh(service string) {
	expire := p.expire
	if expire == 0 {
		expire = time.Minute
	}
	p.c.Expire(context.Background(), "/hertz/"+service+"/server", expire)
}

func (p oldPackage) Deregister(info *hertzregistry.Info) error {
	key, field := "/hertz/"+info.ServiceName+"/server", info.Addr.String()
	p.c.HDel(context.Background(), key, field)
	p.publish(key, "deregister-"+info.ServiceName+"-"+field)
	return nil
}

func (p oldPackage) publish(channel, message string) {
	if p.publishes {
		p.c.Publish(context.Background(), channel, message)
	}
}

// Name is just "redis" there, so that two Redises in one process share what Hertz
// keeps by that name. Tests need more.
func (p oldPackage) Name() string { return fmt.Sprintf("redis %p", p.c) }

func (oldPackage) Target(_ context.Context, t *hertzdiscovery.TargetInfo) string { return t.Host }

func (p oldPackage) Resolve(ctx context.Context, service string) (hertzdiscovery.Result, error) {
	res := hertzdiscovery.Result{CacheKey: service}
	var v oldValue // one for all fields
	for _, value := range p.c.HGetAll(ctx, "/hertz/"+service+"/server").Val() {
		if json.Unmarshal([]byte(value), &v) != nil {
			continue
		}
		weight := v.Weight
		if weight <= 0 {
			weight = 10
		}
		res.Instances = append(res.Instances, hertzdiscovery.NewInstance("tcp", v.Addr, weight, v.Tags))
	}
	return res, nil
}

// addresses are what an old client finds.
func (p oldPackage) addresses(t *testing.T) []string {
	t.Helper()
	res, err := p.Resolve(t.Context(), "shop")
	must(t, err)
	var all []string
	for _, in := range res.Instances {
		all = append(all, in.Address().String())
	}
	slices.Sort(all)
	return all
}

// finds waits until an old client finds these servers, and no others.
func (p oldPackage) finds(t *testing.T, want ...string) {
	t.Helper()
	slices.Sort(want)
	var got []string
	defer func() {
		if t.Failed() {
			t.Logf("an old client finds %v, want %v", got, want)
		}
	}()
	await(t, "an old client finds just these servers", func() bool {
		got = p.addresses(t)
		return slices.Equal(got, want)
	})
}
