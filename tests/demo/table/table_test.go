// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package table

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.uber.org/goleak"

	"github.com/otelcol-risk/otelcol-risk/tests/harness"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var start = time.Date(2026, 11, 23, 9, 14, 22, 0, time.UTC)

func newSpan(change func(attrs pcommon.Map, span ptrace.Span)) harness.Span {
	resource := pcommon.NewMap()
	resource.PutStr("service.name", "storefront")
	span := ptrace.NewSpan()
	span.SetKind(ptrace.SpanKindServer)
	span.SetStartTimestamp(pcommon.NewTimestampFromTime(start))
	span.SetEndTimestamp(pcommon.NewTimestampFromTime(start.Add(1234 * time.Microsecond)))
	attrs := span.Attributes()
	attrs.PutStr("http.request.method", "POST")
	attrs.PutStr("url.path", "/login/alice")
	attrs.PutInt("http.response.status_code", 401)
	attrs.PutDouble("risk.score", 0.856)
	attrs.PutStr("risk.level", "critical")
	attrs.PutEmptySlice("risk.reasons").AppendEmpty().SetStr("password_guessing")
	change(attrs, span)
	return harness.Span{Span: span, Resource: resource}
}

func show(t *testing.T, colour bool, span harness.Span) string {
	t.Helper()
	var out bytes.Buffer
	if err := New(&out, colour, time.UTC).Span(span); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestSpanIsShownAsOneLine(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(attrs pcommon.Map, span ptrace.Span)
		want   string
	}{
		{
			"a risky answer", func(pcommon.Map, ptrace.Span) {},
			"09:14:22  storefront       < POST /login/alice      401     1.2 ms   0.86  password_guessing       1",
		},
		{
			"a sampled request", func(attrs pcommon.Map, span ptrace.Span) {
				span.SetKind(ptrace.SpanKindClient)
				span.TraceState().FromRaw("ot=th:c")
				attrs.Remove("url.path")
				attrs.Remove("risk.reasons")
				attrs.PutDouble("risk.score", 0)
				attrs.PutStr("url.full", "http://127.0.0.1:8080/payments")
				attrs.PutInt("http.response.status_code", 200)
			},
			"09:14:22  storefront       > POST /payments         200     1.2 ms   0.00                          4",
		},
		{
			"what was not observed", func(attrs pcommon.Map, _ ptrace.Span) {
				for _, key := range []string{"http.response.status_code", "risk.score", "risk.reasons"} {
					attrs.Remove(key)
				}
			},
			"09:14:22  storefront       < POST /login/alice        -     1.2 ms      -                          1",
		},
		{
			"more than there is room for", func(attrs pcommon.Map, _ ptrace.Span) {
				attrs.PutStr("url.path", "/products/äöü/with/a/long/name")
				attrs.PutEmptySlice("risk.reasons").AppendEmpty().SetStr("password_guessing")
				reasons, _ := attrs.Get("risk.reasons")
				reasons.Slice().AppendEmpty().SetStr("card_testing")
			},
			"09:14:22  storefront       < POST /products/äöü/…   401     1.2 ms   0.86  password_guessing +1    1",
		},
	} {
		got := show(t, false, newSpan(test.change))
		if got != test.want+"\n" {
			t.Errorf("%s:\n%s%s", test.name, got, test.want)
		}
		if width := utf8.RuneCountInString(got) - 1; width > 100 {
			t.Errorf("%s: %d columns", test.name, width)
		}
	}
}

func TestHeaderIsAsWideAsALine(t *testing.T) {
	var out bytes.Buffer
	if err := New(&out, false, time.UTC).Header(); err != nil {
		t.Fatal(err)
	}
	line := show(t, false, newSpan(func(pcommon.Map, ptrace.Span) {}))
	if utf8.RuneCountInString(out.String()) != utf8.RuneCountInString(line) {
		t.Errorf("\n%s%s", out.String(), line)
	}
}

func TestColourFollowsTheLevel(t *testing.T) {
	for level, want := range map[string]string{"low": "09:14", "medium": yellow, "high": red, "critical": strong} {
		span := newSpan(func(attrs pcommon.Map, _ ptrace.Span) { attrs.PutStr("risk.level", level) })
		if got := show(t, true, span); !strings.HasPrefix(got, want) {
			t.Errorf("%s begins with %q", level, got[:8])
		}
		if got := show(t, false, span); strings.Contains(got, "\x1b") {
			t.Errorf("%s is coloured without being asked to: %q", level, got)
		}
	}
}

func TestBadWeightIsAnError(t *testing.T) {
	span := newSpan(func(_ pcommon.Map, span ptrace.Span) { span.TraceState().FromRaw("ot=th:xyz") })
	if err := New(&bytes.Buffer{}, false, time.UTC).Span(span); err == nil {
		t.Error("no error")
	}
}

type brokenWriter struct{}

var errBroken = errors.New("broken pipe")

func (brokenWriter) Write([]byte) (int, error) { return 0, errBroken }

func TestBrokenOutputIsAnError(t *testing.T) {
	if err := New(brokenWriter{}, false, time.UTC).Header(); !errors.Is(err, errBroken) {
		t.Errorf("error is %v", err)
	}
}
