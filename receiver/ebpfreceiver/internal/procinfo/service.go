// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package procinfo

import (
	"bytes"
	"net/url"
	"strings"
)

// serviceName returns the service that an environment (NAME=value, each ended by a zero byte) names: OTEL_SERVICE_NAME
// first, then service.name of OTEL_RESOURCE_ATTRIBUTES, as the specification of OpenTelemetry SDKs orders them. Empty
// values count as unset. No other variable is looked at.
func serviceName(environ []byte) string {
	var attributes string
	for variable := range bytes.SplitSeq(environ, []byte{0}) {
		if name, ok := bytes.CutPrefix(variable, []byte("OTEL_SERVICE_NAME=")); ok && len(name) > 0 {
			return string(name)
		}
		if list, ok := bytes.CutPrefix(variable, []byte("OTEL_RESOURCE_ATTRIBUTES=")); ok && attributes == "" {
			attributes = string(list)
		}
	}
	return attribute(attributes, "service.name")
}

// attribute returns the value of key in a list of key=value pairs, separated by commas, whose keys and values are
// percent-encoded as in W3C baggage. A list with a broken pair is worth nothing, as for SDKs.
func attribute(list, key string) string {
	if strings.TrimSpace(list) == "" {
		return ""
	}
	var found string
	for pair := range strings.SplitSeq(list, ",") {
		name, value, ok := strings.Cut(pair, "=")
		if !ok {
			return ""
		}
		name, nameErr := url.PathUnescape(strings.TrimSpace(name))
		value, valueErr := url.PathUnescape(strings.TrimSpace(value))
		if nameErr != nil || valueErr != nil {
			return ""
		}
		if name == key {
			found = value
		}
	}
	return found
}
