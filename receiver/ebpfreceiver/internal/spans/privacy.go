// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package spans

import (
	"bytes"
	"regexp"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol"
)

// Privacy says what of a message may leave beyond what docs/attributes.md lists, and what of that may not. The zero value
// lets nothing more out.
type Privacy struct {
	// Query lists the query parameters that are taken, by name.
	Query []string
	// Redact are patterns; what they match in a text that was read from a message is replaced.
	Redact []*regexp.Regexp
}

const (
	keyURLQuery = string(semconv.URLQueryKey)
	// keyRequestHeader and keyResponseHeader are followed by the name of the field, in lower case.
	keyRequestHeader  = "http.request.header."
	keyResponseHeader = "http.response.header."
	// redacted is what stands for something that a pattern matched, as the conventions advise for parts of URLs.
	redacted = "REDACTED"
)

// Redacted returns text without what the patterns match. The result may be text itself.
func (p *Privacy) Redacted(text []byte) []byte {
	for _, pattern := range p.Redact {
		if pattern.Match(text) {
			text = pattern.ReplaceAllLiteral(text, []byte(redacted))
		}
	}
	return text
}

// appendQuery appends the parameters of query that may leave, as they were sent and in their order. If the query's end was
// not seen, its last parameter may be a part of one, and is left out.
func (p *Privacy) appendQuery(to, query []byte, cut bool) []byte {
	if len(p.Query) == 0 {
		return to
	}
	from := len(to)
	for len(query) > 0 {
		var parameter []byte
		var more bool
		parameter, query, more = bytes.Cut(query, []byte{'&'})
		name, _, _ := bytes.Cut(parameter, []byte{'='})
		if cut && !more || !p.allows(name) {
			continue
		}
		if len(to) > from {
			to = append(to, '&')
		}
		to = append(to, parameter...)
	}
	return to
}

func (p *Privacy) allows(name []byte) bool {
	for _, allowed := range p.Query {
		if string(name) == allowed {
			return true
		}
	}
	return false
}

// putFields writes header fields: a list of values a name.
func (p *Privacy) putFields(m pcommon.Map, prefix string, fields []protocol.Field) {
	for _, field := range fields {
		key := prefix + field.Name
		values, found := m.Get(key)
		if !found {
			values = m.PutEmpty(key)
			values.SetEmptySlice()
		}
		values.Slice().AppendEmpty().SetStr(strings.ToValidUTF8(string(p.Redacted(field.Value)), replacement))
	}
}
