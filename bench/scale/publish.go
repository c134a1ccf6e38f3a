package main

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/bench/measure"
)

// publish sends n messages to a channel with one subscriber, a hundred in a pipeline, and
// returns what one costs all masters together, in microseconds of CPU. PUBLISH goes over the
// bus to every node of the cluster, SPUBLISH to the master of the channel alone.
func (d *deployment) publish(ctx context.Context, n int) (plain, sharded float64, err error) {
	const channel = "{bench}:events"
	cluster, ok := d.all.(*redis.ClusterClient)
	if !ok {
		return 0, 0, fmt.Errorf("not a cluster: %T", d.all)
	}
	one := func(sub *redis.PubSub, send func(p redis.Pipeliner)) (float64, error) {
		if _, err := sub.Receive(ctx); err != nil {
			return 0, err
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			for {
				if _, err := sub.ReceiveMessage(context.Background()); err != nil {
					return // closed
				}
			}
		}()
		defer func() {
			_ = sub.Close()
			<-done
		}()
		before, err := d.cpu(ctx)
		if err != nil {
			return 0, err
		}
		for range n / 100 {
			_, err := cluster.Pipelined(ctx, func(p redis.Pipeliner) error {
				for range 100 {
					send(p)
				}
				return nil
			})
			if err != nil {
				return 0, err
			}
		}
		after, err := d.cpu(ctx)
		return 1e6 * (after - before) / float64(n/100*100), err
	}
	plain, err = one(cluster.Subscribe(ctx, channel), func(p redis.Pipeliner) { p.Do(ctx, "PUBLISH", channel, measure.Record) })
	if err != nil {
		return 0, 0, err
	}
	sharded, err = one(cluster.SSubscribe(ctx, channel), func(p redis.Pipeliner) { p.SPublish(ctx, channel, measure.Record) })
	return plain, sharded, err
}

func (d *deployment) cpu(ctx context.Context) (sum float64, err error) {
	all, err := d.usage(ctx)
	for _, u := range all {
		sum += u.cpu
	}
	return sum, err
}
