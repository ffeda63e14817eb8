// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-risk/otelcol-risk/tests/harness"
)

// exchanges counts requests by what was asked for and answered: "GET /small 200".
type exchanges map[string]int

// total returns the number of all.
func (e exchanges) total() int {
	total := 0
	for _, n := range e {
		total += n
	}
	return total
}

// seen counts the spans of one kind in the same way. Without a status code the error stands in its place.
func seen(spans []harness.Span, kind ptrace.SpanKind) exchanges {
	e := exchanges{}
	for _, span := range spans {
		if span.Kind() == kind {
			e[label(span)]++
		}
	}
	return e
}

func label(span harness.Span) string {
	path := span.Attr("url.path")
	if full, err := url.Parse(span.Attr("url.full")); err == nil && span.Kind() == ptrace.SpanKindClient {
		path = full.Path
	}
	status := span.Attr("http.response.status_code")
	if status == "" {
		status = span.Attr("error.type")
	}
	return span.Attr("http.request.method") + " " + path + " " + status
}

// compare fails the test for every exchange of which there are more spans than requests, and returns how many spans
// are missing, with a description.
func compare(t *testing.T, side string, want, got exchanges) (int, string) {
	t.Helper()
	missing := 0
	var what []string
	keys := maps.Clone(want)
	maps.Copy(keys, got)
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		switch difference := want[key] - got[key]; {
		case difference < 0:
			t.Errorf("%s: %d spans of %q, want %d", side, got[key], key, want[key])
		case difference > 0:
			missing += difference
			what = append(what, fmt.Sprintf("%s: %d of %q", side, difference, key))
		}
	}
	return missing, strings.Join(what, "\n")
}

// compareBoth compares both sides with what the peers counted; what is missing must be what was counted as lost.
func (p *pipeline) compareBoth(want exchanges) {
	p.t.Helper()
	server, ofServer := compare(p.t, "server", want, seen(p.spans, ptrace.SpanKindServer))
	client, ofClient := compare(p.t, "client", want, seen(p.spans, ptrace.SpanKindClient))
	if lost := harness.Total(p.metrics.Losses()); server+client != lost {
		p.t.Errorf("%d spans are missing, counted as lost: %v\n%s\n%s", server+client, p.metrics.Losses(), ofServer, ofClient)
	}
}

// describe shows a span in an error message.
func describe(span harness.Span) string {
	return fmt.Sprintf("%s span %q of %s (pid %s, %s): %v", strings.ToLower(span.Kind().String()), label(span),
		span.ResourceAttr("service.name"), span.ResourceAttr("process.pid"), span.ResourceAttr("process.executable.name"),
		span.Attributes().AsRaw())
}

// only returns the spans of one kind.
func only(spans []harness.Span, kind ptrace.SpanKind) []harness.Span {
	return slices.DeleteFunc(slices.Clone(spans), func(s harness.Span) bool { return s.Kind() != kind })
}

// checkAttrs compares attributes of a span; "" means that it must not have it.
func checkAttrs(t *testing.T, span harness.Span, want map[string]string) {
	t.Helper()
	checkAll(t, []harness.Span{span}, want, nil)
}

// checkAll compares attributes of spans and of their resources; "" means that they must not have it. Of the spans that
// differ in the same way, it shows the first.
func checkAll(t *testing.T, spans []harness.Span, attrs, resource map[string]string) {
	t.Helper()
	wrong := map[string]int{}
	first := map[string]harness.Span{}
	note := func(span harness.Span, what, key, got, want string) {
		if got == want {
			return
		}
		message := fmt.Sprintf("%s %s is %q, want %q", what, key, got, want)
		if wrong[message]++; wrong[message] == 1 {
			first[message] = span
		}
	}
	for _, span := range spans {
		for key, want := range attrs {
			note(span, "attribute", key, span.Attr(key), want)
		}
		for key, want := range resource {
			note(span, "resource attribute", key, span.ResourceAttr(key), want)
		}
	}
	for _, message := range slices.Sorted(maps.Keys(wrong)) {
		t.Errorf("%s: of %d spans %d, first %s", message, len(spans), wrong[message], describe(first[message]))
	}
}

// spanOf is a span that a test asks questions.
type spanOf struct {
	t *testing.T
	harness.Span
}

func (s spanOf) has(attrs map[string]string) {
	s.t.Helper()
	checkAttrs(s.t, s.Span, attrs)
}

// failed checks that the error is one of these.
func (s spanOf) failed(causes ...string) {
	s.t.Helper()
	if !slices.Contains(causes, s.Attr("error.type")) {
		s.t.Errorf("error.type is %q, want one of %q\nin %s", s.Attr("error.type"), causes, describe(s.Span))
	}
}

func (s spanOf) duration() time.Duration {
	return s.EndTimestamp().AsTime().Sub(s.StartTimestamp().AsTime())
}

// lasted checks the duration, to which timers can only add.
func (s spanOf) lasted(least, most time.Duration) {
	s.t.Helper()
	if got := s.duration(); got < least || got > most {
		s.t.Errorf("lasted %v, want %v to %v\nin %s", got, least, most, describe(s.Span))
	}
}
