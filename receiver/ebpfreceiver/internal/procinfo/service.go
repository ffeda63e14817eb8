// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package procinfo

import (
	"bytes"
	"iter"
	"net/url"
	"strings"
)

// Attributes is a list of resource attributes as OTEL_RESOURCE_ATTRIBUTES has them: key=value pairs, separated by commas,
// percent-encoded as in W3C baggage. One that [readEnvironment] returns has no broken pair.
type Attributes string

// maxAttributes bounds the list that is taken over, in bytes: a longer one would weigh more than what it describes.
const maxAttributes = 4 << 10

// environment is what the variables of OpenTelemetry say of a process.
type environment struct {
	service    string
	attributes Attributes
}

// readEnvironment reads an environment (NAME=value, each ended by a zero byte) as the specification of OpenTelemetry SDKs
// says: OTEL_SERVICE_NAME names the service, else service.name of OTEL_RESOURCE_ATTRIBUTES does. Empty values count as
// unset, and a list with a broken pair is worth nothing, as for SDKs. No other variable is looked at.
func readEnvironment(environ []byte) (e environment) {
	var name string
	for variable := range bytes.SplitSeq(environ, []byte{0}) {
		if value, ok := bytes.CutPrefix(variable, []byte("OTEL_SERVICE_NAME=")); ok && name == "" {
			name = string(value)
		}
		list, ok := bytes.CutPrefix(variable, []byte("OTEL_RESOURCE_ATTRIBUTES="))
		if ok && e.attributes == "" && len(list) <= maxAttributes && wellFormed(string(list)) {
			e.attributes = Attributes(list)
		}
	}
	for key, value := range e.attributes.All() {
		if key == "service.name" {
			e.service = value
		}
	}
	if name != "" {
		e.service = name
	}
	return e
}

// wellFormed says whether every pair of the list can be read.
func wellFormed(list string) bool {
	for pair := range strings.SplitSeq(list, ",") {
		if _, _, ok := parsePair(pair); !ok {
			return strings.TrimSpace(list) == ""
		}
	}
	return true
}

// parsePair reads one key=value.
func parsePair(pair string) (key, value string, ok bool) {
	key, value, ok = strings.Cut(pair, "=")
	if !ok {
		return "", "", false
	}
	key, keyErr := url.PathUnescape(strings.TrimSpace(key))
	value, valueErr := url.PathUnescape(strings.TrimSpace(value))
	return key, value, key != "" && keyErr == nil && valueErr == nil
}

// All returns the pairs in their order. A key may come twice; the last one counts.
func (a Attributes) All() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for pair := range strings.SplitSeq(string(a), ",") {
			if key, value, ok := parsePair(pair); ok && !yield(key, value) {
				return
			}
		}
	}
}
