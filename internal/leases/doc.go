// Package leases reads the leases that are in Redis: who holds a node, and whose lease has
// ended.
package leases
