package keys

import (
	"fmt"
	"strings"
)

const upperHex = "0123456789ABCDEF"

// nameByte reports whether a name may hold c as it is.
func nameByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' ||
		c == '.' || c == '_' || c == '-'
}

// idByte reports whether an id may hold c as it is: an id is often host:port.
func idByte(c byte) bool { return nameByte(c) || c == ':' || c == '@' }

// EscapeName percent-encodes each byte outside [A-Za-z0-9._-], with upper-case
// hex digits. Unescape undoes it.
func EscapeName(s string) string { return escape(s, nameByte) }

// EscapeID percent-encodes each byte outside [A-Za-z0-9._:@-], with upper-case
// hex digits. Unescape undoes it.
func EscapeID(s string) string { return escape(s, idByte) }

func escape(s string, plain func(byte) bool) string {
	n := 0
	for i := range len(s) {
		if !plain(s[i]) {
			n++
		}
	}
	if n == 0 {
		return s
	}
	var b strings.Builder
	b.Grow(len(s) + 2*n)
	for i := range len(s) {
		if c := s[i]; plain(c) {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'%', upperHex[c>>4], upperHex[c&0xf]})
		}
	}
	return b.String()
}

// unescaped reports whether an id may hold each byte of s as it is.
func unescaped(s string) bool {
	for i := range len(s) {
		if !idByte(s[i]) {
			return false
		}
	}
	return true
}

// Unescape undoes EscapeName and EscapeID. It refuses what neither of them
// writes: a bare byte outside their sets, a cut or lower-case escape, and an
// escape of a byte that both leave as it is.
func Unescape(s string) (string, error) {
	if unescaped(s) {
		return s, nil
	}
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '%' {
			if i+2 >= len(s) {
				return "", fmt.Errorf("unescape %q: escape cut short at %d", s, i)
			}
			hi, lo := strings.IndexByte(upperHex, s[i+1]), strings.IndexByte(upperHex, s[i+2])
			if hi < 0 || lo < 0 {
				return "", fmt.Errorf("unescape %q: no two upper-case hex digits after %% at %d", s, i)
			}
			if c = byte(hi<<4 | lo); nameByte(c) {
				return "", fmt.Errorf("unescape %q: needless escape at %d", s, i)
			}
			i += 2
		} else if !idByte(c) {
			return "", fmt.Errorf("unescape %q: bare byte %q at %d", s, c, i)
		}
		b.WriteByte(c)
	}
	return b.String(), nil
}
