// Package plural counts things in texts for people.
package plural

import "fmt"

// Count returns a number of things: 1 node, 2 nodes.
func Count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
