package see

import (
	"context"
	"reflect"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollcall-go/rollcall/internal/cli"
)

// pollEvery is how often what has no events is read again.
const pollEvery = 2 * time.Second

// poll lists Ts again and again, and prints those that are new or have changed, and what
// gone makes of those that are not there any more. An error ends it.
func poll[T any, K comparable](cmd *cobra.Command, output *cli.Output, columns []cli.Column[T],
	list func() ([]T, error), key func(T) K, gone func(T) T,
) error {
	printer := cli.NewPrinter(cmd.OutOrStdout(), output, columns)
	known := map[K]T{}
	for {
		items, err := list()
		if err != nil {
			return err
		}
		now := make(map[K]T, len(items))
		var changed []T
		for _, item := range items {
			now[key(item)] = item
			if before, ok := known[key(item)]; !ok || !reflect.DeepEqual(before, item) {
				changed = append(changed, item)
			}
		}
		for k, before := range known {
			if _, ok := now[k]; !ok {
				changed = append(changed, gone(before))
			}
		}
		known = now
		if err := printer.More(changed...); err != nil {
			return err
		}
		select {
		case <-time.After(pollEvery):
		case <-cmd.Context().Done():
			return context.Canceled
		}
	}
}
