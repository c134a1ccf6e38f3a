// Package growth measures whether what one item costs grows with how many there are. Each
// benchmark is named work/product: rollcall has ten times as many items as tenth, so the
// ratio to the best peer says how much dearer an item is among ten times as many. The goal
// is 1.3. The cost is CPU time of this process and of Redis (cpu-us/item); each runs for a
// set number of items, so run it with -benchtime 1x.
package growth
