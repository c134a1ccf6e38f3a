package render

import (
	"fmt"
	"slices"
	"strings"
)

// nginx returns the lines of an upstream of nginx. A draining node is a backup, which nginx
// uses while no other server works; where all nodes drain, they are servers like others,
// because nginx refuses an upstream of backups alone. A node without traffic is down. An upstream
// without nodes gets a server that is down, because nginx refuses an empty one: it
// answers 502.
func nginx(nodes []Node) safe {
	up := slices.ContainsFunc(nodes, func(n Node) bool { return n.Up && n.Weight > 0 })
	return lines(nodes, "server 127.0.0.1:1 down;", func(n Node) string {
		address := n.Address
		if n.Network == "unix" {
			address = "unix:" + address
		}
		switch {
		case n.Weight == 0:
			return fmt.Sprintf("server %s down;", address)
		case !n.Up && up:
			return fmt.Sprintf("server %s weight=%d backup;", address, n.Weight)
		}
		return fmt.Sprintf("server %s weight=%d;", address, n.Weight)
	})
}

// maxHAProxyWeight is the greatest weight of a server of HAProxy.
const maxHAProxyWeight = 256

// haproxy returns the lines of a backend of HAProxy, each with "check". A draining node is a
// backup. Weights above 256 are made smaller, all by the same factor, and stay over 0. The
// backend should have "option allbackups". Without nodes it is empty, which HAProxy
// answers with 503.
func haproxy(nodes []Node) safe {
	greatest := maxHAProxyWeight
	for _, n := range nodes {
		greatest = max(greatest, n.Weight)
	}
	return lines(nodes, "", func(n Node) string {
		address, weight := n.Address, n.Weight
		if n.Network == "unix" {
			address = "unix@" + address
		}
		if weight > 0 && greatest > maxHAProxyWeight {
			weight = max(1, int(float64(weight)/float64(greatest)*maxHAProxyWeight))
		}
		line := fmt.Sprintf("server %s %s check weight %d", name(n.ID), address, weight)
		if !n.Up {
			line += " backup"
		}
		return line
	})
}

// indent is that of servers in a configuration.
const indent = "    "

func lines(nodes []Node, none string, line func(Node) string) safe {
	all := make([]string, len(nodes))
	for i, n := range nodes {
		all[i] = line(n)
	}
	if len(all) == 0 {
		all = []string{none}
	}
	return safe(strings.Join(all, "\n"+indent))
}
