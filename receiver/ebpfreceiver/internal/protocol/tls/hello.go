// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package tls

// Numbers of extensions (RFC 8446 section 4.2).
const (
	extensionServerName = 0
	extensionALPN       = 16
	extensionVersions   = 43
)

const (
	// maxOffered bounds the lists that are kept of a ClientHello.
	maxOffered = 16
	// maxName bounds a server name (RFC 1035) and a protocol's name (RFC 7301).
	maxName = 255
)

// Client is what a ClientHello says.
type Client struct {
	// ServerName is the name that the client wants to reach, as sent; "" if it names none.
	ServerName string
	// Protocols are the application protocols that it offers.
	Protocols []string
	// Versions are those that it offers, the preferred one first. Values without a meaning (RFC 8701) are left out.
	Versions []uint16
}

// Server is what a ServerHello says.
type Server struct {
	// Protocol is the chosen application protocol; "" if none, or if it is encrypted.
	Protocol string
	// Version and Cipher are the chosen ones.
	Version, Cipher uint16
	// Retry says that it asks for another ClientHello.
	Retry bool
}

// parseClientHello reads the body of a ClientHello, or the beginning of one (section 4.1.2).
func parseClientHello(body []byte) (c Client) {
	r := cursor{rest: body}
	legacy := r.uint16()
	r.skip(32)
	r.vector8()
	r.skip(r.uint16())
	r.vector8()
	extensions := cursor{rest: r.upTo(r.uint16())}
	for !extensions.failed && len(extensions.rest) > 0 {
		kind := extensions.uint16()
		data := cursor{rest: extensions.vector16()}
		if extensions.failed {
			break
		}
		switch kind {
		case extensionServerName:
			c.ServerName = serverName(data)
		case extensionALPN:
			c.Protocols = protocols(data)
		case extensionVersions:
			c.Versions = versions(data)
		}
	}
	if len(c.Versions) == 0 && legacy != 0 {
		c.Versions = []uint16{uint16(legacy)}
	}
	return c
}

// serverName reads the host name of an extension (RFC 6066 section 3).
func serverName(data cursor) string {
	list := cursor{rest: data.vector16()}
	for !list.failed && len(list.rest) > 0 {
		kind := list.uint8()
		name := list.vector16()
		if !list.failed && kind == 0 && text(name) {
			return string(name)
		}
	}
	return ""
}

// protocols reads a list of names (RFC 7301 section 3.1).
func protocols(data cursor) (names []string) {
	list := cursor{rest: data.vector16()}
	for !list.failed && len(list.rest) > 0 && len(names) < maxOffered {
		if name := list.vector8(); !list.failed && text(name) {
			names = append(names, string(name))
		}
	}
	return names
}

func versions(data cursor) (found []uint16) {
	list := cursor{rest: data.vector8()}
	for len(list.rest) > 1 && len(found) < maxOffered {
		if v := list.uint16(); v>>8 == 3 {
			found = append(found, uint16(v))
		}
	}
	return found
}

// retryRandom is the random of a ServerHello that is a HelloRetryRequest (section 4.1.3).
const retryRandom = "\xcf\x21\xad\x74\xe5\x9a\x61\x11\xbe\x1d\x8c\x02\x1e\x65\xb8\x91\xc2\xa2\x11\x16\x7a\xbb\x8c\x5e\x07\x9e\x09\xe2\xc8\xa8\x33\x9c"

// parseServerHello reads the body of a ServerHello.
func parseServerHello(body []byte) (s Server, ok bool) {
	r := cursor{rest: body}
	s.Version = uint16(r.uint16())
	s.Retry = string(r.take(32)) == retryRandom
	r.vector8()
	s.Cipher = uint16(r.uint16())
	r.uint8()
	if r.failed {
		return Server{}, false
	}
	extensions := cursor{rest: r.upTo(r.uint16())}
	for !extensions.failed && len(extensions.rest) > 0 {
		kind := extensions.uint16()
		data := cursor{rest: extensions.vector16()}
		switch kind {
		case extensionALPN:
			if names := protocols(data); len(names) > 0 {
				s.Protocol = names[0]
			}
		case extensionVersions:
			if v := data.uint16(); !data.failed {
				s.Version = uint16(v)
			}
		}
	}
	return s, true
}

// text says whether a name is one that can be told: printable ASCII of a length that it may have.
func text(name []byte) bool {
	for _, c := range name {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	return 0 < len(name) && len(name) <= maxName
}

// cursor reads the parts of a message. After it failed it reads nothing more.
type cursor struct {
	rest   []byte
	failed bool
}

func (c *cursor) take(n int) []byte {
	if n > len(c.rest) {
		c.rest, c.failed = nil, true
		return nil
	}
	taken := c.rest[:n]
	c.rest = c.rest[n:]
	return taken
}

// upTo takes n bytes, or all if there are fewer.
func (c *cursor) upTo(n int) []byte { return c.take(min(n, len(c.rest))) }

func (c *cursor) skip(n int) { c.take(n) }

func (c *cursor) number(size int) (n int) {
	for _, b := range c.take(size) {
		n = n<<8 | int(b)
	}
	return n
}

func (c *cursor) uint8() int  { return c.number(1) }
func (c *cursor) uint16() int { return c.number(2) }
func (c *cursor) uint24() int { return c.number(3) }

func (c *cursor) vector8() []byte  { return c.take(c.uint8()) }
func (c *cursor) vector16() []byte { return c.take(c.uint16()) }
func (c *cursor) vector24() []byte { return c.take(c.uint24()) }
