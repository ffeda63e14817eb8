// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package express

import (
	"context"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottllog"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottlmetric"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottlspan"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/ottlfuncs"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// Spans returns a sorter of spans.
func Spans(set component.TelemetrySettings, e Expressions) (Sorter[ptrace.Traces], error) {
	parser, err := ottlspan.NewParser(ottlfuncs.StandardConverters[*ottlspan.TransformContext](), set, ottlspan.EnablePathContextNames())
	if err != nil {
		return nil, err
	}
	compiled, err := compile(&parser, "traces", e)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, td ptrace.Traces) ([]Part[ptrace.Traces], int) {
		s := newSheet(ptrace.NewTraces)
		for i, rs := range td.ResourceSpans().All() {
			for j, ss := range rs.ScopeSpans().All() {
				for _, span := range ss.Spans().All() {
					item := ottlspan.NewTransformContextPtr(rs, ss, span)
					part, entered := s.at(place(ctx, &compiled, item, &s.failures), i, j)
					item.Close()
					to := part.ResourceSpans()
					if entered.resource {
						resource := to.AppendEmpty()
						rs.Resource().CopyTo(resource.Resource())
						resource.SetSchemaUrl(rs.SchemaUrl())
					}
					scopes := to.At(to.Len() - 1).ScopeSpans()
					if entered.scope {
						scope := scopes.AppendEmpty()
						ss.Scope().CopyTo(scope.Scope())
						scope.SetSchemaUrl(ss.SchemaUrl())
					}
					span.CopyTo(scopes.At(scopes.Len() - 1).Spans().AppendEmpty())
				}
			}
		}
		return s.parts, s.failures
	}, nil
}

// LogRecords returns a sorter of log records.
func LogRecords(set component.TelemetrySettings, e Expressions) (Sorter[plog.Logs], error) {
	parser, err := ottllog.NewParser(ottlfuncs.StandardConverters[*ottllog.TransformContext](), set, ottllog.EnablePathContextNames())
	if err != nil {
		return nil, err
	}
	compiled, err := compile(&parser, "logs", e)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, ld plog.Logs) ([]Part[plog.Logs], int) {
		s := newSheet(plog.NewLogs)
		for i, rl := range ld.ResourceLogs().All() {
			for j, sl := range rl.ScopeLogs().All() {
				for _, record := range sl.LogRecords().All() {
					item := ottllog.NewTransformContextPtr(rl, sl, record)
					part, entered := s.at(place(ctx, &compiled, item, &s.failures), i, j)
					item.Close()
					to := part.ResourceLogs()
					if entered.resource {
						resource := to.AppendEmpty()
						rl.Resource().CopyTo(resource.Resource())
						resource.SetSchemaUrl(rl.SchemaUrl())
					}
					scopes := to.At(to.Len() - 1).ScopeLogs()
					if entered.scope {
						scope := scopes.AppendEmpty()
						sl.Scope().CopyTo(scope.Scope())
						scope.SetSchemaUrl(sl.SchemaUrl())
					}
					record.CopyTo(scopes.At(scopes.Len() - 1).LogRecords().AppendEmpty())
				}
			}
		}
		return s.parts, s.failures
	}, nil
}

// Metrics returns a sorter of metrics, whose data points stay together.
func Metrics(set component.TelemetrySettings, e Expressions) (Sorter[pmetric.Metrics], error) {
	parser, err := ottlmetric.NewParser(ottlfuncs.StandardConverters[*ottlmetric.TransformContext](), set, ottlmetric.EnablePathContextNames())
	if err != nil {
		return nil, err
	}
	compiled, err := compile(&parser, "metrics", e)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, md pmetric.Metrics) ([]Part[pmetric.Metrics], int) {
		s := newSheet(pmetric.NewMetrics)
		for i, rm := range md.ResourceMetrics().All() {
			for j, sm := range rm.ScopeMetrics().All() {
				for _, metric := range sm.Metrics().All() {
					item := ottlmetric.NewTransformContextPtr(rm, sm, metric)
					part, entered := s.at(place(ctx, &compiled, item, &s.failures), i, j)
					item.Close()
					to := part.ResourceMetrics()
					if entered.resource {
						resource := to.AppendEmpty()
						rm.Resource().CopyTo(resource.Resource())
						resource.SetSchemaUrl(rm.SchemaUrl())
					}
					scopes := to.At(to.Len() - 1).ScopeMetrics()
					if entered.scope {
						scope := scopes.AppendEmpty()
						sm.Scope().CopyTo(scope.Scope())
						scope.SetSchemaUrl(sm.SchemaUrl())
					}
					metric.CopyTo(scopes.At(scopes.Len() - 1).Metrics().AppendEmpty())
				}
			}
		}
		return s.parts, s.failures
	}, nil
}

func place[K any](ctx context.Context, compiled *pair[K], item K, failures *int) Place {
	at, failed := compiled.place(ctx, item)
	*failures += failed
	return at
}

// sheet collects the parts of a request.
type sheet[T any] struct {
	empty    func() T
	parts    []Part[T]
	inside   []position // of the last item of each part
	places   map[Place]int
	failures int
}

// position is a scope of the request.
type position struct{ resource, scope int }

// entered tells what has to be begun in a part before an item is added.
type entered struct{ resource, scope bool }

func newSheet[T any](empty func() T) *sheet[T] {
	return &sheet[T]{empty: empty, places: make(map[Place]int)}
}

// at returns the part for an item in a scope of the request.
func (s *sheet[T]) at(at Place, resource, scope int) (T, entered) {
	n, known := s.places[at]
	if !known {
		n = len(s.parts)
		s.places[at] = n
		s.parts = append(s.parts, Part[T]{at, s.empty()})
		s.inside = append(s.inside, position{-1, -1})
	}
	last := s.inside[n]
	s.inside[n] = position{resource, scope}
	return s.parts[n].Data, entered{last.resource != resource, last != s.inside[n]}
}
