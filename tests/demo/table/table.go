// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Package table prints spans as lines of a table that fits into 100 columns:
//
//	TIME      SERVICE          REQUEST               CODE  DURATION  SCORE  REASONS                AS
//	09:14:22  storefront       < POST /login/user7    401    1.2 ms   0.86  password_guessing       1
//	09:14:22  storefront       > GET /products/12     200    0.9 ms   0.00                         10
//
// > is a request that the service sent, < one that it answered. AS is the weight: for how many spans the one that was
// kept stands.
package table

import (
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-risk/otelcol-risk/tests/harness"
)

// Widths of the columns that can be too narrow for what is in them, and the whole line.
const (
	serviceWidth = 15
	requestWidth = 22
	reasonsWidth = 20
	layout       = "%-8s  %-15s  %-22s  %4s  %9s  %5s  %-20s  %3s"
)

// Table prints to one writer. It is not safe for concurrent use.
type Table struct {
	out    io.Writer
	colour bool
	local  *time.Location
}

// New returns a table. With colour, lines are coloured by their level with ANSI escapes. Times are shown in local.
func New(out io.Writer, colour bool, local *time.Location) *Table {
	return &Table{out: out, colour: colour, local: local}
}

// Header prints the names of the columns.
func (t *Table) Header() error {
	header := fmt.Sprintf(layout, "TIME", "SERVICE", "REQUEST", "CODE", "DURATION", "SCORE", "REASONS", "AS")
	return t.print(header, bold)
}

// Span prints one span. A weight that cannot be read from its tracestate is an error.
func (t *Table) Span(span harness.Span) error {
	weight, err := harness.Weight(span.TraceState().AsRaw())
	if err != nil {
		return fmt.Errorf("show span %s: %w", span.SpanID(), err)
	}
	start := span.StartTimestamp().AsTime()
	line := fmt.Sprintf(layout,
		start.In(t.local).Format(time.TimeOnly),
		cut(or(span.ResourceAttr("service.name"), "-"), serviceWidth),
		cut(request(span), requestWidth),
		or(span.Attr("http.response.status_code"), "-"),
		duration(span.EndTimestamp().AsTime().Sub(start)),
		score(span),
		reasons(span),
		strconv.FormatFloat(weight, 'f', 0, 64),
	)
	return t.print(line, colourOf(span.Attr("risk.level")))
}

// Colours are ANSI escapes; plain is none.
const (
	plain  = ""
	bold   = "\x1b[1m"
	yellow = "\x1b[33m"
	red    = "\x1b[31m"
	strong = "\x1b[1;31m"
	reset  = "\x1b[0m"
)

func colourOf(level string) string {
	switch level {
	case "medium":
		return yellow
	case "high":
		return red
	case "critical":
		return strong
	}
	return plain
}

func (t *Table) print(line, colour string) error {
	line = strings.TrimRight(line, " ")
	if t.colour && colour != plain {
		line = colour + line + reset
	}
	if _, err := fmt.Fprintln(t.out, line); err != nil {
		return fmt.Errorf("print table: %w", err)
	}
	return nil
}

// request says which way a request went and what it asked for.
func request(span harness.Span) string {
	arrow, path := "<", span.Attr("url.path")
	if span.Kind() == ptrace.SpanKindClient {
		arrow = ">"
		if full, err := url.Parse(span.Attr("url.full")); err == nil {
			path = full.Path
		}
	}
	return arrow + " " + span.Attr("http.request.method") + " " + path
}

func duration(d time.Duration) string {
	return strconv.FormatFloat(float64(d)/float64(time.Millisecond), 'f', 1, 64) + " ms"
}

func score(span harness.Span) string {
	if v, ok := span.Attributes().Get("risk.score"); ok {
		return strconv.FormatFloat(v.Double(), 'f', 2, 64)
	}
	return "-"
}

// reasons lists as many reasons as there is room for, and how many more there are.
func reasons(span harness.Span) string {
	v, ok := span.Attributes().Get("risk.reasons")
	if !ok || v.Type() != pcommon.ValueTypeSlice || v.Slice().Len() == 0 {
		return ""
	}
	var names []string
	for _, name := range v.Slice().All() {
		names = append(names, name.AsString())
	}
	all := strings.Join(names, " ")
	if utf8.RuneCountInString(all) <= reasonsWidth {
		return all
	}
	more := ""
	if len(names) > 1 {
		more = " +" + strconv.Itoa(len(names)-1)
	}
	return cut(names[0], reasonsWidth-len(more)) + more
}

// cut shortens s to width characters, and shows that it did.
func cut(s string, width int) string {
	if utf8.RuneCountInString(s) <= width {
		return s
	}
	return string([]rune(s)[:width-1]) + "…"
}

func or(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}
