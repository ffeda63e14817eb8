// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package spans

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"
	"net/netip"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol"
)

const (
	// maxTemplates is how many descriptions are remembered, about 1 KiB each.
	maxTemplates = 1 << placeBits
	placeBits    = 9
	// maxTexts is how long the texts of an exchange may be for its description to be remembered.
	maxTexts = 512
)

// templates remember how exchanges were described that differ in nothing but times, ids and sizes, as those of a
// connection mostly do. A copy costs half of a description: no text is written, and no key looked for before it is put.
//
// Each exchange has one place. Its hash is noted there the first time, its description kept the second time, and copied
// from then on, until another takes the place: what never comes again costs no more than the hash.
type templates struct {
	notes  [maxTemplates]uint64
	places [maxTemplates]template
	seed   maphash.Seed
	texts  []byte // scratch
	// wholeTarget says that something of queries may leave; else they are no part of what makes a description.
	wholeTarget bool
}

// template is a description, and what it was made of.
type template struct {
	shape      shape
	texts      []byte
	name       string
	code       ptrace.StatusCode
	attributes pcommon.Map
}

// shape is all that a description depends on, but for the texts.
type shape struct {
	local, peer netip.AddrPort
	status      uint16
	side        protocol.Side
	kind        protocol.Kind
	failure     protocol.Failure
	minor       uint8
	rpc         uint8
	cut         bool
}

func newTemplates(privacy *Privacy) *templates {
	return &templates{seed: maphash.MakeSeed(), wholeTarget: len(privacy.Query) > 0}
}

// find returns the description of x, nil if it is not known. Else, if there is a place, the description is to be kept there.
func (t *templates) find(x *protocol.Exchange) (known, place *template) {
	s := shape{
		local: x.Local, peer: x.Peer, status: x.HTTP.Status, side: x.Side, kind: x.Kind, failure: x.Failure,
		minor: x.HTTP.Minor, rpc: x.RPC.Status, cut: x.HTTP.TargetCut,
	}
	target := x.HTTP.Target
	if !t.wholeTarget && len(target) > 0 && target[0] == '/' {
		target = untilAny(target, "?#")
	}
	t.texts = t.texts[:0]
	for _, text := range [...][]byte{x.HTTP.Method, target, x.HTTP.Host, x.HTTP.UserAgent, x.HTTP.Scheme, x.RPC.Method} {
		length := uint32(len(text)) + 1
		if text == nil {
			length = 0 // not seen is not empty
		}
		t.texts = append(binary.LittleEndian.AppendUint32(t.texts, length), text...)
	}
	if len(t.texts) > maxTexts {
		return nil, nil
	}
	hash := maphash.Bytes(t.seed, t.texts) ^ spread*(uint64(s.local.Port())<<48|uint64(s.peer.Port())<<32|
		uint64(s.status)<<16|uint64(s.failure)<<8|uint64(s.rpc)<<1|uint64(s.side))
	i := hash >> (64 - placeBits)
	if t.notes[i] != hash {
		t.notes[i] = hash
		return nil, nil
	}
	place = &t.places[i]
	if place.shape == s && bytes.Equal(place.texts, t.texts) {
		return place, nil
	}
	place.shape, place.texts = s, append(place.texts[:0], t.texts...)
	return nil, place
}

// spread is 2^64 by the golden ratio: what it multiplies has a say in all higher bits.
const spread = 0x9e3779b97f4a7c15

// keep remembers the description of a span.
func (t *template) keep(span ptrace.Span) {
	t.name, t.code, t.attributes = span.Name(), span.Status().Code(), pcommon.NewMap()
	span.Attributes().CopyTo(t.attributes)
}

// put describes a span that is not described yet.
func (t *template) put(span ptrace.Span) {
	span.SetName(t.name)
	if t.code != ptrace.StatusCodeUnset {
		span.Status().SetCode(t.code)
	}
	t.attributes.CopyTo(span.Attributes())
}
