package embedded_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/registry/embedded"
)

func Example() {
	server, err := embedded.Start()
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()

	client := redis.NewClient(&redis.Options{Addr: server.Addr()})
	defer client.Close()

	ctx := context.Background()
	client.Set(ctx, "greeting", "hello", time.Minute)
	fmt.Println(client.Get(ctx, "greeting").Val())
	// Output: hello
}
