// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package feature

import (
	"errors"
	"fmt"
	"strings"

	"go.opentelemetry.io/collector/pdata/ptrace"
)

// Source is one attribute that can identify an entity.
type Source struct {
	// Kind restricts the source to spans of that kind; ptrace.SpanKindUnspecified does not.
	Kind ptrace.SpanKind
	// Key is the key of the attribute.
	Key string
}

var errEmptyKey = errors.New("attribute key is empty")

// ParseSource reads `key` or `kind:key`. What stands before the colon must be the name of a span kind, so that a
// misspelled one is found at start; keys of the semantic conventions contain no colon.
func ParseSource(text string) (Source, error) {
	before, key, found := strings.Cut(text, ":")
	if !found {
		before, key = "", text
	}
	if key == "" {
		return Source{}, errEmptyKey
	}
	if !found {
		return Source{Key: key}, nil
	}
	switch before {
	case "server":
		return Source{Kind: ptrace.SpanKindServer, Key: key}, nil
	case "client":
		return Source{Kind: ptrace.SpanKindClient, Key: key}, nil
	case "producer":
		return Source{Kind: ptrace.SpanKindProducer, Key: key}, nil
	case "consumer":
		return Source{Kind: ptrace.SpanKindConsumer, Key: key}, nil
	case "internal":
		return Source{Kind: ptrace.SpanKindInternal, Key: key}, nil
	default:
		return Source{}, fmt.Errorf("span kind %q is not one of server, client, producer, consumer, internal", before)
	}
}
