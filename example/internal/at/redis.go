// Package at lets the examples say where Redis is.
package at

import (
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"os"
	"strings"

	"github.com/rollcall-go/rollcall/registry"
)

// Redis is what the flags say.
type Redis struct {
	where, master, ca string
	cluster           bool
}

// Flags binds flags for every kind of Redis.
func Flags(fs *flag.FlagSet) *Redis {
	r := &Redis{}
	fs.StringVar(&r.where, "redis", registry.DefaultAddress, "host:port of Redis; several, with commas between, for Sentinel and Cluster; or a URL, rediss:// for TLS")
	fs.StringVar(&r.master, "master", "", "name of the master, where -redis names sentinels")
	fs.BoolVar(&r.cluster, "cluster", false, "-redis names nodes of a Redis Cluster")
	fs.StringVar(&r.ca, "ca", "", "file of the certificate that signed Redis's, with rediss://")
	return r
}

// Options are those of the registry.
func (r *Redis) Options() ([]registry.Option, error) {
	opts := []registry.Option{registry.MasterName(r.master), registry.Cluster(r.cluster)}
	if r.ca != "" {
		pem, err := os.ReadFile(r.ca)
		if err != nil {
			return nil, err
		}
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s holds no certificate", r.ca)
		}
		opts = append(opts, registry.TLSConfig(&tls.Config{RootCAs: roots}))
	}
	if strings.Contains(r.where, "://") {
		return append(opts, registry.URL(r.where)), nil
	}
	return append(opts, registry.Addrs(strings.Split(r.where, ",")...)), nil
}

// Single is the address, where -redis names a single Redis without TLS; else "".
func (r *Redis) Single() string {
	if r.cluster || r.master != "" || strings.ContainsAny(r.where, "/,") {
		return ""
	}
	return r.where
}
