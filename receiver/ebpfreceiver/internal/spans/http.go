// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package spans

import (
	"bytes"
	"net/netip"
	"strconv"

	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol"
)

// describeHTTP names the span of an HTTP exchange, adds its attributes to a and sets its status.
func describeHTTP(span ptrace.Span, a *attributes, x *protocol.Exchange) {
	addMethod(span, a, x.HTTP.Method)
	t := parseTarget(x.HTTP.Method, x.HTTP.Target, x.HTTP.TargetCut)
	if t.scheme == nil {
		t.scheme = schemeOf(x)
	}
	server := serverOf(x, &t)
	if x.Side == protocol.Server {
		if len(t.path) > 0 {
			a.addText(keyURLPath, t.path)
		}
		addQuery(a, &t, x.HTTP.TargetCut)
		if t.form != formAuthority {
			a.addConstant(keyURLScheme, t.schemeName())
		}
		a.addAddress(keyClientAddress, x.Peer.Addr())
	} else if t.form != formAuthority && x.HTTP.Target != nil {
		addURL(a, &t, &server, x.HTTP.TargetCut)
	}
	server.add(a)
	a.addAddress(keyPeerAddress, x.Peer.Addr())
	a.addNumber(keyPeerPort, int64(x.Peer.Port()))
	if version := x.HTTPVersion(); version != "" {
		a.addConstant(keyVersion, version)
	}
	if len(x.HTTP.UserAgent) > 0 {
		a.addText(keyUserAgent, x.HTTP.UserAgent)
	}
	addOutcome(span, a, x)
}

// schemeOf returns the scheme that a request names apart from its target; nil if it names none that is well-formed.
func schemeOf(x *protocol.Exchange) []byte {
	if len(x.HTTP.Scheme) == 0 || !schemeText(x.HTTP.Scheme) {
		return nil
	}
	return x.HTTP.Scheme
}

// addMethod names the span and says the method, if it was seen.
func addMethod(span ptrace.Span, a *attributes, method []byte) {
	if method == nil {
		span.SetName(methodUnnamed)
		return
	}
	if name := protocol.HTTPMethod(method); name != "" {
		span.SetName(name)
		a.addConstant(keyMethod, name)
		return
	}
	span.SetName(methodUnnamed)
	a.addConstant(keyMethod, methodOther)
	a.addText(keyMethodOriginal, method)
}

// server is where a request goes: what the request calls it, else what the socket does.
type server struct {
	// host is the request's name for it, without brackets; nil if it has none that is well-formed.
	host []byte
	// address is the socket's server end.
	address netip.Addr
	// port is 0 if the request's scheme has no default that is known.
	port uint16
}

// serverOf returns the server of x: by an absolute target, which overrules Host (RFC 9112 section 3.2.2), by Host, or
// by the socket.
func serverOf(x *protocol.Exchange, t *target) server {
	end := x.Local
	if x.Side == protocol.Client {
		end = x.Peer
	}
	authority := t.authority
	if authority == nil {
		authority = x.HTTP.Host
	}
	host, port, ok := splitAuthority(authority)
	switch {
	case !ok:
		return server{address: end.Addr(), port: end.Port()}
	case port == 0:
		port = t.defaultPort()
	}
	return server{host: host, address: end.Addr(), port: port}
}

// add says who the server is.
func (s *server) add(a *attributes) {
	if s.host != nil {
		a.addText(keyServerAddress, s.host)
	} else {
		a.addAddress(keyServerAddress, s.address)
	}
	if s.port != 0 {
		a.addNumber(keyServerPort, int64(s.port))
	}
}

// addURL says the URL that a client asked for: scheme, server and path, a port only if it is not the scheme's.
func addURL(a *attributes, t *target, s *server, cut bool) {
	from := a.mark()
	a.text = append(a.text, t.schemeName()...)
	a.text = append(a.text, "://"...)
	host := a.mark()
	if s.host != nil {
		a.write(s.host)
	} else {
		a.text = s.address.WithZone("").AppendTo(a.text)
	}
	if colon(a.text[host:]) {
		a.text = append(a.text, 0)
		copy(a.text[host+1:], a.text[host:])
		a.text[host] = '['
		a.text = append(a.text, ']')
	}
	if s.port != t.defaultPort() {
		a.text = append(a.text, ':')
		a.text = strconv.AppendUint(a.text, uint64(s.port), 10)
	}
	if t.form != formAsterisk {
		a.write(t.path)
		writeQuery(a, t, cut, "?")
	}
	a.addFrom(keyURLFull, from)
}

// addQuery says the query parameters that may leave, if there are any.
func addQuery(a *attributes, t *target, cut bool) {
	from := a.mark()
	if writeQuery(a, t, cut, "") {
		a.addFrom(keyURLQuery, from)
	}
}

// writeQuery writes the query parameters that may leave behind a mark, and says whether there are any.
func writeQuery(a *attributes, t *target, cut bool, mark string) bool {
	query := a.privacy.appendQuery(a.query[:0], t.query, cut)
	a.query = query
	if len(query) == 0 {
		return false
	}
	a.text = append(a.text, mark...)
	a.write(query)
	return true
}

// colon says whether an address is IPv6, which URLs put in brackets.
func colon(host []byte) bool {
	return bytes.IndexByte(host, ':') >= 0
}

// addOutcome says how the exchange ended.
func addOutcome(span ptrace.Span, a *attributes, x *protocol.Exchange) {
	status := x.HTTP.Status
	if status != 0 {
		a.addNumber(keyStatusCode, int64(status))
	}
	switch failed, how := protocol.HTTPError(x.Side, status, x.Failure); {
	case !failed:
		return
	case how == protocol.None:
		from := a.mark()
		a.text = strconv.AppendUint(a.text, uint64(status), 10)
		a.addFrom(keyErrorType, from)
	default:
		a.addConstant(keyErrorType, how.ErrorType())
	}
	span.Status().SetCode(ptrace.StatusCodeError)
}
