// Package discovery is the place of the caller's side: live views in memory,
// balancers, retries. It holds nothing yet; callers read a registry's
// GetService.
package discovery
