// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package feature

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// resolver returns a function that gives the hash of an entity of a span with the given attributes.
func resolver(t *testing.T, id Identity) func(attrs map[string]any) uint64 {
	t.Helper()
	r := NewReader(1)
	place := r.AddEntity(&id)
	v := NewEngine(r, newStore()).NewVector()
	return func(attrs map[string]any) uint64 {
		read(t, r, v, ptrace.SpanKindServer, nil, attrs)
		return v.Entities[place]
	}
}

func TestAddressesAreCutToTheirNetwork(t *testing.T) {
	type attrs = map[string]any
	for name, test := range map[string]struct {
		ipv4, ipv6 int
		a, b       string
		same       bool
	}{
		"IPv6 of one customer":             {32, 64, "2001:db8:1:2::1", "2001:db8:1:2:ffff::2", true},
		"IPv6 of two customers":            {32, 64, "2001:db8:1:2::1", "2001:db8:1:3::1", false},
		"IPv6 written in two ways":         {32, 128, "2001:DB8::1", "2001:db8:0:0:0:0:0:1", true},
		"IPv6 in full":                     {32, 128, "2001:db8::1", "2001:db8::2", false},
		"a zone is left out":               {32, 128, "fe80::1%eth0", "fe80::1", true},
		"IPv4 in the clothes of IPv6":      {32, 64, "::ffff:192.0.2.1", "192.0.2.1", true},
		"two IPv4 in the clothes of IPv6":  {32, 64, "::ffff:192.0.2.1", "::ffff:192.0.2.2", false},
		"IPv4 in full":                     {32, 64, "192.0.2.1", "192.0.2.2", false},
		"IPv4 of one network":              {24, 48, "192.0.2.1", "192.0.2.200", true},
		"IPv4 of one network, one clothed": {24, 48, "192.0.2.1", "::ffff:192.0.2.200", true},
		"IPv4 of two networks":             {24, 48, "192.0.2.1", "192.0.3.1", false},
		"what is no address stays":         {24, 48, "unix:1", "unix:2", false},
		"and is itself":                    {24, 48, "worker", "worker", true},
	} {
		t.Run(name, func(t *testing.T) {
			hash := resolver(t, Identity{Sources: []Source{{Key: "ip"}}, IPv4Prefix: test.ipv4, IPv6Prefix: test.ipv6})
			a, b := hash(attrs{"ip": test.a}), hash(attrs{"ip": test.b})
			assert.NotZero(t, a)
			assert.Equal(t, test.same, a == b)
		})
	}
}

func TestFingerprints(t *testing.T) {
	type attrs = map[string]any
	hash := resolver(t, Identity{Sources: []Source{{Key: "agent"}, {Key: "language"}, {Kind: ptrace.SpanKindClient, Key: "never"}}, All: true})
	both := hash(attrs{"agent": "a", "language": "b"})
	assert.NotZero(t, both)
	assert.Equal(t, both, hash(attrs{"language": "b", "agent": "a", "never": "c"}))
	for name, other := range map[string]attrs{
		"another value":             {"agent": "a", "language": "c"},
		"values change places":      {"agent": "b", "language": "a"},
		"an absent value":           {"agent": "a"},
		"the other absent":          {"language": "b"},
		"values run together":       {"agent": "ab"},
		"empty text is absent, too": {"agent": "a", "language": ""},
	} {
		h := hash(other)
		assert.NotZero(t, h, name)
		assert.NotEqual(t, both, h, name)
	}
	assert.Equal(t, hash(attrs{"agent": "a"}), hash(attrs{"agent": "a", "language": ""}))
	assert.Zero(t, hash(attrs{}), "nothing is nobody")
}

func TestReaderReadsLogRecords(t *testing.T) {
	r := NewReader(1)
	ip := r.AddEntity(&Identity{Sources: []Source{{Kind: ptrace.SpanKindServer, Key: "peer"}, {Key: "client.address"}}})
	host := r.AddEntity(&Identity{Sources: []Source{{Key: "host.name"}}})
	text := r.Slot("text")
	v := NewEngine(r, newStore()).NewVector()
	resource := pcommon.NewMap()
	resource.PutStr("host.name", "a")
	r.Resource(resource, v.Resource)
	record := plog.NewLogRecord()
	record.SetSeverityNumber(plog.SeverityNumberWarn)
	record.SetEventName("login")
	record.Body().SetStr("refused")
	record.Attributes().PutStr("text", "b")
	record.Attributes().PutStr("peer", "not read: a log record has no kind")
	record.Attributes().PutStr("client.address", "192.0.2.1")
	r.Log(record, v)
	assert.Equal(t, Value{Kind: Int, Int: int64(plog.SeverityNumberWarn)}, v.Record[SlotSeverity])
	assert.Equal(t, Value{Kind: String, Text: "refused"}, v.Record[SlotBody])
	assert.Equal(t, Value{Kind: String, Text: "login"}, v.Record[SlotEvent])
	assert.Equal(t, Value{Kind: String, Text: "b"}, v.Record[text])
	assert.Equal(t, Value{}, v.Record[SlotName])
	assert.Equal(t, r.hasher.text("192.0.2.1"), v.Entities[ip])
	assert.Equal(t, r.hasher.text("a"), v.Entities[host])
}
