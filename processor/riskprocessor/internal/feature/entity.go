// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package feature

import (
	"net/netip"
	"strings"

	"go.opentelemetry.io/collector/pdata/ptrace"
)

// Identity says how an entity is found.
type Identity struct {
	// Sources are the attributes to look at. The first that has a value wins, unless All is set.
	Sources []Source
	// All makes one entity of the values of all sources together, a fingerprint. A source without a value is part of it,
	// too, but one at least must have one.
	All bool
	// IPv4Prefix and IPv6Prefix are the lengths of the network prefixes that addresses are cut to; 32 and 128 leave them
	// whole. 0 for both: the values are no addresses.
	IPv4Prefix, IPv6Prefix int
}

type entity struct {
	sources    []resolved
	all        bool
	ipv4, ipv6 int
}

// resolved is a Source with its key replaced by a slot.
type resolved struct {
	kind  ptrace.SpanKind // SpanKindUnspecified matches every span and log record
	index int
}

// hash returns the hash of the entity of the record in v, or 0 when it was not observed.
func (e *entity) hash(r *Reader, v *Vector) uint64 {
	var joined uint64
	found := false
	for _, s := range e.sources {
		var h uint64
		if s.kind == ptrace.SpanKindUnspecified || s.kind == v.kind {
			h = e.identify(r, v.attribute(s.index))
		}
		switch {
		case e.all:
			joined, found = join(joined, h), found || h != 0
		case h != 0:
			return h
		}
	}
	if !found {
		return 0
	}
	return joined
}

// identify returns the hash of one value, 0 when it identifies nobody.
func (e *entity) identify(r *Reader, value *Value) uint64 {
	if e.ipv6 == 0 && e.ipv4 == 0 || value.Kind != String {
		return r.hasher.value(value)
	}
	return r.hasher.network(value.Text, e.ipv4, e.ipv6)
}

// network returns the hash of an address cut to a prefix. IPv4 addresses in the clothes of IPv6 count as IPv4, zones are
// left out. What is not an address is hashed as it is.
func (h hasher) network(text string, ipv4, ipv6 int) uint64 {
	if ipv4 == 32 && strings.IndexByte(text, ':') < 0 {
		return h.text(text) // the usual case needs no parsing: IPv4 addresses have one form
	}
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return h.text(text)
	}
	addr = addr.Unmap().WithZone("")
	bits := ipv6
	if addr.Is4() {
		bits = ipv4
	}
	if bits < addr.BitLen() {
		if prefix, err := addr.Prefix(bits); err == nil {
			addr = prefix.Addr()
		}
	}
	var buffer [48]byte
	return h.bytes(addr.AppendTo(buffer[:0]))
}
