// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package spans

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/procinfo"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol"
)

// attributesOf returns the attributes of the span of x.
func attributesOf(privacy Privacy, x *protocol.Exchange) map[string]any {
	b := New(Settings{Privacy: privacy})
	b.Append(x, &procinfo.Process{})
	return b.Take().ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).Attributes().AsRaw()
}

func TestOnlyTheParametersThatAreNamedLeave(t *testing.T) {
	named := Privacy{Query: []string{"page", "sort"}}
	tests := map[string]struct {
		privacy Privacy
		target  string
		cut     bool
		want    any
	}{
		"by default none":              {Privacy{}, "/a?page=1", false, nil},
		"those that are named":         {named, "/a?token=secret&page=1&sort=asc&x", false, "page=1&sort=asc"},
		"without a value":              {named, "/a?sort&page=", false, "sort&page="},
		"twice":                        {named, "/a?page=1&page=2", false, "page=1&page=2"},
		"none of them":                 {named, "/a?token=secret", false, nil},
		"of an absolute target":        {named, "http://shop/a?page=1#secret", false, "page=1"},
		"not the fragment":             {named, "/a?page=1#page=2", false, "page=1"},
		"not what is cut":              {named, "/a?page=1&sort=as", true, "page=1"},
		"a name that begins like them": {named, "/a?page_token=secret", false, nil},
		"a name that is escaped":       {named, "/a?p%61ge=1", false, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			x := &protocol.Exchange{HTTP: protocol.HTTP{Method: []byte("GET"), Target: []byte(test.target), TargetCut: test.cut}}
			assert.Equal(t, test.want, attributesOf(test.privacy, x)["url.query"])
			x.Side = protocol.Client
			x.HTTP.Host = []byte("shop")
			full := "http://shop/a"
			if test.want != nil {
				full += "?" + test.want.(string)
			}
			if !test.cut {
				assert.Equal(t, full, attributesOf(test.privacy, x)["url.full"])
			}
		})
	}
}

func TestWhatAPatternMatchesIsReplaced(t *testing.T) {
	x := &protocol.Exchange{HTTP: protocol.HTTP{
		Method: []byte("GET"), Target: []byte("/reset/0123456789abcdef/x?page=0123456789abcdef"), Host: []byte("0123456789abcdef.shop"),
		UserAgent:     []byte("a 0123456789abcdef b"),
		RequestFields: []protocol.Field{{Name: "x-id", Value: []byte("0123456789abcdef")}, {Name: "x-id", Value: []byte("b\xff")}},
	}}
	privacy := Privacy{Query: []string{"page"}, Redact: []*regexp.Regexp{regexp.MustCompile("[0-9a-f]{16}"), regexp.MustCompile("^nothing$")}}
	got := attributesOf(privacy, x)
	assert.Equal(t, "/reset/REDACTED/x", got["url.path"])
	assert.Equal(t, "page=REDACTED", got["url.query"])
	assert.Equal(t, "REDACTED.shop", got["server.address"])
	assert.Equal(t, "a REDACTED b", got["user_agent.original"])
	assert.Equal(t, []any{"REDACTED", "b\uFFFD"}, got["http.request.header.x-id"])
	x.Side = protocol.Client
	assert.Equal(t, "http://REDACTED.shop/reset/REDACTED/x?page=REDACTED", attributesOf(privacy, x)["url.full"])
}

// The method of a call is a path; it is the span's name, too.
func TestWhatAPatternMatchesIsInNoNameEither(t *testing.T) {
	x := &protocol.Exchange{Kind: protocol.GRPC, RPC: protocol.RPC{Method: []byte("users/jane"), Status: 0}}
	b := New(Settings{Privacy: Privacy{Redact: []*regexp.Regexp{regexp.MustCompile("jane")}}})
	b.Append(x, &procinfo.Process{})
	span := b.Take().ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0)
	assert.Equal(t, "users/REDACTED", span.Name())
	assert.Equal(t, "users/REDACTED", span.Attributes().AsRaw()["rpc.method"])
}

func TestFieldsThatAreNamedBecomeLists(t *testing.T) {
	x := &protocol.Exchange{HTTP: protocol.HTTP{
		Method: []byte("GET"), Target: []byte("/"),
		RequestFields:  []protocol.Field{{Name: "x-id", Value: []byte("1")}, {Name: "accept", Value: []byte("*/*")}},
		ResponseFields: []protocol.Field{{Name: "server", Value: []byte("nginx")}},
	}}
	got := attributesOf(Privacy{}, x)
	assert.Equal(t, []any{"1"}, got["http.request.header.x-id"])
	assert.Equal(t, []any{"*/*"}, got["http.request.header.accept"])
	assert.Equal(t, []any{"nginx"}, got["http.response.header.server"])
}
