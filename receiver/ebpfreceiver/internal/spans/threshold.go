// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package spans

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"math/bits"
	"strings"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol"
)

// randomBits is the size of a threshold, and of the randomness that is compared with it: the last seven bytes of a trace
// id (OpenTelemetry specification, "Probability sampling").
const randomBits = 56

// otelMember is how OpenTelemetry's member of a tracestate begins, otelThreshold and otelRandom how its threshold and the
// randomness that is compared with it do, where that is not the trace id's.
const (
	otelMember    = "ot="
	otelThreshold = "th:"
	otelRandom    = "rv:"
)

// thresholds writes tracestates that say what share of the exchanges became spans. The last threshold's text is kept:
// thresholds change once in many thousand spans.
type thresholds struct {
	last uint64
	text string // "ot=th:..."
}

// member returns OpenTelemetry's member for a span that was chosen by a threshold; "" if it has nothing to say. Where the
// choice was not that of the trace's randomness, another one is said: the same value for all spans of a trace that were
// thinned alike, so that samplers behind keep the same traces.
func (t *thresholds) member(threshold uint64, id *protocol.Identity) string {
	member := ""
	if threshold > 0 {
		member = t.of(threshold)
	}
	if id.Floor == threshold {
		return member
	}
	if member == "" {
		member = otelMember
	} else {
		member += ";"
	}
	random := above(threshold, binary.BigEndian.Uint64(id.Trace[8:])&(1<<randomBits-1), id.Floor)
	return member + otelRandom + hex.EncodeToString(binary.BigEndian.AppendUint64(nil, random)[8-randomBits/8:])
}

// above returns a random value that is at least the threshold for one that is at least floor, all being equally likely.
func above(threshold, random, floor uint64) uint64 {
	const one = 1 << randomBits
	if random <= floor {
		return threshold
	}
	high, low := bits.Mul64(random-floor, one-threshold)
	scaled, _ := bits.Div64(high, low, one-floor)
	return threshold + scaled
}

// of returns the member for a threshold above 0.
func (t *thresholds) of(threshold uint64) string {
	if threshold != t.last || t.text == "" {
		var value [8]byte
		binary.BigEndian.PutUint64(value[:], threshold<<(64-randomBits))
		digits := strings.TrimRight(hex.EncodeToString(value[:randomBits/8]), "0")
		t.last, t.text = threshold, otelMember+otelThreshold+digits
	}
	return t.text
}

// with returns a valid tracestate with a member in place of what OpenTelemetry's said. That was about the sampling of
// whoever sent the request, and randomness of his own.
func with(member string, state []byte) string {
	if len(state) == 0 {
		return member
	}
	var b strings.Builder
	b.WriteString(member)
	for other := range bytes.SplitSeq(state, []byte{','}) {
		other = bytes.Trim(other, " \t")
		if len(other) == 0 || bytes.HasPrefix(other, []byte(otelMember)) || b.Len()+1+len(other) > maxTraceState {
			continue
		}
		b.WriteByte(',')
		b.Write(other)
	}
	return b.String()
}

// withoutThreshold returns a valid tracestate without the threshold of OpenTelemetry's member. It is about the sampling of
// whoever sent the request: spans are made of the requests that were not sampled, too. The randomness is the trace's.
func withoutThreshold(state []byte) string {
	if !bytes.Contains(state, []byte(otelThreshold)) {
		return string(state)
	}
	var b strings.Builder
	b.Grow(len(",") + len(state))
	for member := range bytes.SplitSeq(state, []byte{','}) {
		fields, found := bytes.CutPrefix(bytes.Trim(member, " \t"), []byte(otelMember))
		if !found {
			b.WriteByte(',')
			b.Write(member)
			continue
		}
		before := "," + otelMember
		for field := range bytes.SplitSeq(fields, []byte{';'}) {
			if !bytes.HasPrefix(field, []byte(otelThreshold)) {
				b.WriteString(before)
				b.Write(field)
				before = ";"
			}
		}
	}
	return strings.TrimPrefix(b.String(), ",")
}

// ofConnections returns the threshold for exchanges told by a threshold on one of 2^scale connections.
func ofConnections(threshold uint64, scale uint8) uint64 {
	const one = 1 << randomBits
	return one - (one-threshold)>>scale
}

// Randomness returns the random bits by which an exchange is chosen: those of its trace id if the request names one, so that
// whoever thins by the same bits keeps the same traces; else a hash of its place on the connection, on which both ends agree.
// It is to be compared with a threshold as the programs do it in the kernel (bpf/thin.bpf.h).
func Randomness(x *protocol.Exchange) uint64 {
	const mask = 1<<randomBits - 1
	if p, ok := parentOf(&x.HTTP); ok {
		return binary.BigEndian.Uint64(p.trace[8:]) & mask
	}
	client, server := x.Peer.Port(), x.Local.Port()
	if x.Side == protocol.Client {
		client, server = server, client
	}
	return mix(uint64(x.Place)<<32|uint64(server)<<16|uint64(client)) >> (64 - randomBits)
}

// inKernel says whether an exchange was chosen in the kernel, which knows no trace ids but those of a traceparent, and not by
// its [Randomness].
func inKernel(x *protocol.Exchange) bool { return x.Kind == protocol.HTTP1 && !x.Pipelined }

// mix is MurmurHash3's finalizer.
func mix(x uint64) uint64 {
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}

// atLeast makes the randomness of a new trace id one that the threshold lets pass, all of those being equally likely: the
// trace is a new one, but was chosen among others.
func (b *Builder) atLeast(id *[16]byte, threshold uint64) {
	above, _ := bits.Mul64(b.random.Uint64(), 1<<randomBits-threshold)
	top := id[8]
	binary.BigEndian.PutUint64(id[8:], threshold+above)
	id[8] = top
}
