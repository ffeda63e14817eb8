// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/spans"
)

// PrivacyConfig says what of a message may leave the receiver beyond what docs/attributes.md lists. Its zero value lets
// nothing more out: no query, no other header field, no body ever.
type PrivacyConfig struct {
	// RequestHeaders lists the header fields of requests that become http.request.header.NAME, in any case. Fields that
	// carry credentials are refused.
	RequestHeaders []string `mapstructure:"request_headers"`

	// ResponseHeaders lists the header fields of responses that become http.response.header.NAME.
	ResponseHeaders []string `mapstructure:"response_headers"`

	// QueryParameters lists the query parameters, as they are written in URLs, that become part of url.query and url.full.
	QueryParameters []string `mapstructure:"query_parameters"`

	// Redact lists regular expressions (RE2). What they match in URLs, header fields and names that were read from messages
	// is replaced by REDACTED. Addresses and ports are not searched.
	Redact []string `mapstructure:"redact"`

	_ struct{}
}

// credentials are header fields whose values let their reader in.
func credentials() []string {
	return []string{"authorization", "proxy-authorization", "cookie", "set-cookie"}
}

// Validate reports every fault of p at once.
func (p *PrivacyConfig) Validate() error {
	errs := []error{checkFields("request_headers", p.RequestHeaders), checkFields("response_headers", p.ResponseHeaders)}
	for _, parameter := range p.QueryParameters {
		if parameter == "" || strings.ContainsAny(parameter, "&=#") {
			errs = append(errs, fmt.Errorf("`query_parameters` must list names of parameters, found %q", parameter))
		}
	}
	for _, pattern := range p.Redact {
		compiled, err := regexp.Compile(pattern)
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("`redact` must list regular expressions, found %q: %w", pattern, err))
		case compiled.MatchString(""):
			errs = append(errs, fmt.Errorf("`redact` must not list what matches an empty text, found %q", pattern))
		}
	}
	return errors.Join(errs...)
}

// checkFields refuses names that no header field can have, or that must not leave.
func checkFields(key string, names []string) error {
	const token = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz" // RFC 9110 section 5.6.2
	var errs []error
	for _, name := range names {
		lower := strings.ToLower(name)
		switch {
		case name == "" || strings.Trim(lower, token) != "":
			errs = append(errs, fmt.Errorf("`%s` must list names of header fields, found %q", key, name))
		case slices.Contains(credentials(), lower):
			errs = append(errs, fmt.Errorf("`%s` must not list %q, which carries credentials", key, name))
		}
	}
	return errors.Join(errs...)
}

// fieldNames returns names as the receiver compares them.
func fieldNames(names []string) []string {
	lower := make([]string, 0, len(names))
	for _, name := range names {
		if name = strings.ToLower(name); !slices.Contains(lower, name) {
			lower = append(lower, name)
		}
	}
	return lower
}

// ofSpans returns the part of a valid p that spans carry out.
func (p *PrivacyConfig) ofSpans() spans.Privacy {
	privacy := spans.Privacy{Query: p.QueryParameters}
	for _, pattern := range p.Redact {
		privacy.Redact = append(privacy.Redact, regexp.MustCompile(pattern))
	}
	return privacy
}
