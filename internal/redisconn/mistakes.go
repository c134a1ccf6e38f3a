package redisconn

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"regexp"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/errdefs"
	"github.com/rollcall-go/rollcall/internal/lua"
)

// Hopeless reports whether an error stays until an operator changes an option, a right or
// the server. A first call reports it at once. The renewal of a node that was once
// registered goes on all the same: a password may be rotated, a right given back.
func Hopeless(err error) bool {
	return errors.Is(err, errdefs.ErrInvalid) || errors.Is(err, errdefs.ErrPermission)
}

// oldest is the oldest Redis that has all commands of the scripts.
const oldest = "6.2"

var unknownSentinelCommand = regexp.MustCompile("unknown command ['`\"]?sentinel")

// mistake returns what is wrong with the options, or with the server, where err shows
// that, and nil where trying again may help. It knows the replies of real servers.
func mistake(err error) error {
	said := strings.ToLower(err.Error())
	has := func(parts ...string) bool {
		for _, part := range parts {
			if strings.Contains(said, part) {
				return true
			}
		}
		return false
	}
	var (
		address  *net.AddrError
		verify   *tls.CertificateVerificationError
		name     x509.HostnameError
		notTLS   tls.RecordHeaderError
		network  *net.OpError
		unusable = func(field, what, do string) error {
			return &errdefs.FieldError{Field: field, What: what, Do: do, Err: err}
		}
	)
	switch {
	case has("db index is out of range"):
		return unusable("DB", "the server has fewer databases", "")
	case has("cluster support disabled"):
		return unusable("Cluster", "the server is not part of a cluster", "give one address without Cluster, or the sentinels and MasterName")
	case has("all sentinels specified") && errors.Is(err, redis.Nil):
		return errdefs.Invalid("MasterName", "the sentinels do not know a master of this name")
	case unknownSentinelCommand.MatchString(said):
		return unusable("MasterName", "the server is not a sentinel", "give the sentinels' addresses, or leave MasterName out")
	case errors.As(err, &name):
		return unusable("TLSConfig", "the certificate is for another name", "use an address that it names, or set TLSConfig.ServerName")
	case errors.As(err, &verify):
		return unusable("TLSConfig", "the certificate is not trusted", "set TLSConfig.RootCAs")
	case errors.As(err, &notTLS):
		return unusable("Secure", "the server does not speak TLS", "leave Secure, TLSConfig and rediss:// out, or use its TLS port")
	case errors.As(err, &network) && network.Op == "remote error": // a TLS alert
		return unusable("TLSConfig", "the server refused the TLS handshake", "it may want a client certificate, see TLSConfig.Certificates")
	case errors.As(err, &address):
		return unusable("Addrs", "want host:port", "give it in Addrs or URL")
	case has("unknown command", "unknown redis command", "undeclared key"):
		return unsupported(err.Error())
	}
	return nil
}

// unsupported says that a server lacks what the protocol needs.
func unsupported(what string) error {
	return fmt.Errorf("unsupported server: %s: Redis %s or later is needed, or Valkey, with EVALSHA and all commands of docs/protocol.md#rights (%w, %w)",
		what, oldest, errdefs.ErrInvalid, errors.ErrUnsupported)
}

// right says what to do about a refusal of Redis.
func right(err error) string {
	if lua.IsNoLogin(err) {
		return "check the user and the password in URL, Username and Password, or CredentialsProvider"
	}
	return "give the user the rights of docs/protocol.md#rights"
}

// Located adds to an error what the connection knows: where Redis is, when it did not
// answer, and which keys and channels a call needs, which Redis does not say.
func (c *Conn) Located(err error, namespace, service string) error {
	if err == nil {
		return nil
	}
	var dial *net.OpError
	switch err = Classify(err); {
	case errors.Is(err, context.DeadlineExceeded) && errors.Is(err, errdefs.ErrUnavailable) && !errors.As(err, &dial):
		return fmt.Errorf("%w: no answer in time; check that redis is not blocked (%s)", err, c.Where())
	case errors.Is(err, errdefs.ErrUnavailable) && !errors.As(err, &dial):
		return fmt.Errorf("%w (%s)", err, c.Where())
	case errors.Is(err, errdefs.ErrPermission) && service != "" && !lua.IsNoLogin(err):
		k := c.Space.Service(namespace, service)
		return fmt.Errorf("%w (keys %s*, channel %s)", err, strings.TrimSuffix(k.Index(), "index"), k.Events(c.DB))
	}
	return err
}
