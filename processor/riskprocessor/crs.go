// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskprocessor

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/feature"
)

// crsRequest and crsFinding are extension/riskcrs's: the same unnamed types, declared again because components do not
// import each other.
type (
	crsRequest = struct {
		Method  string
		Path    string
		Query   string
		Headers []crsHeader
	}
	crsHeader = struct {
		Name  string
		Value string
	}
	crsFinding = struct {
		Score int
		Rules []int
	}
)

// crsExtension is what a riskcrs extension offers. The contract is in its package documentation.
type crsExtension interface {
	Inspect(request *crsRequest, done func(*crsFinding)) bool
}

// findCRS finds the extension with the given id.
func findCRS(id *component.ID, host component.Host) (crsExtension, error) {
	if id == nil {
		return nil, nil //nolint:nilnil // nobody is asked
	}
	found, ok := host.GetExtensions()[*id]
	if !ok {
		return nil, fmt.Errorf("crs::extension: extension %q is not configured, or not in service::extensions", id)
	}
	extension, ok := found.(crsExtension)
	if !ok {
		return nil, fmt.Errorf("crs::extension: extension %q does not look at requests", id)
	}
	return extension, nil
}

// asking is what becomes of a record that meets crs::condition.
type asking uint8

const (
	askTaken asking = iota
	askRefused
	askNobody
	askNothing
	askFailed
	askings
)

func (a asking) String() string {
	return [askings]string{"taken", "refused", "no_entity", "no_request", "error"}[a]
}

// askCRS asks about the request that the record in the row tells of, if it is worth it and there is somebody to count for.
func (w *worker) askCRS(r *row, attrs pcommon.Map) {
	if len(w.findings.places) == 0 {
		return
	}
	if hits := w.findings.gate.Eval(&w.conditions, w.gateFailed); hits.Empty() {
		return
	}
	w.counts.asked[w.askAbout(r, attrs)]++
}

func (w *worker) askAbout(r *row, attrs pcommon.Map) asking {
	if !slices.ContainsFunc(w.findings.entities, func(e int) bool { return r.vector.Entities[e] != 0 }) {
		return askNobody
	}
	request := requestOf(attrs)
	if request.Path == "" && request.Query == "" && len(request.Headers) == 0 {
		return askNothing
	}
	p, g, entities := w.riskProcessor, w.generation, slices.Clone(r.vector.Entities)
	if w.crs.Inspect(&request, func(f *crsFinding) { p.found(g, entities, f) }) {
		return askTaken
	}
	return askRefused
}

// found counts a finding for the entities that sent the request, by the rules that were in use when it was asked about. It
// is called by the extension's workers. Should the rules have changed meanwhile, features that are still in use have the
// same tables, and others nobody reads.
func (p *riskProcessor) found(g *generation, entities []uint64, f *crsFinding) {
	if f.Score == 0 {
		return
	}
	ctx := context.Background()
	v := g.engine.NewVector()
	copy(v.Entities, entities)
	v.Record[g.findings.score] = feature.Number(float64(f.Score))
	for _, place := range g.findings.places {
		v.Counted[place] = true
	}
	g.engine.ObserveOnly(g.findings.places, v, p.clock())
	if p.shared.found != nil {
		reasons := reasonsFor(f.Rules)
		for _, e := range g.findings.entities {
			p.shared.found.note(entities[e], reasons)
		}
	}
	p.telemetry.builder.ProcessorRiskCrsFindings.Add(ctx, 1)
	drain(ctx, p.telemetry.builder.ProcessorRiskEntitiesEvicted, v.Evicted, g.options.features)
	drain(ctx, p.telemetry.builder.ProcessorRiskEntitiesRefused, v.Refused, g.options.features)
}

// foundBefore says what was found in requests of an entity of the row.
func (w *worker) foundBefore(r *row) []string {
	if w.shared.found == nil {
		return nil
	}
	for _, e := range w.findings.entities {
		if reasons := w.shared.found.of(r.vector.Entities[e]); len(reasons) > 0 {
			return reasons
		}
	}
	return nil
}

// headerPrefix begins the keys of header fields that were recorded.
const headerPrefix = "http.request.header."

// requestOf reads what a record says of a request, by the semantic conventions. url.full stands in for path and query, and
// a method that instrumentation did not know (_OTHER) is unknown unless its original was recorded.
func requestOf(attrs pcommon.Map) crsRequest {
	var r crsRequest
	var full, original string
	for key, value := range attrs.All() {
		switch key {
		case "http.request.method":
			r.Method = value.Str()
		case "http.request.method_original":
			original = value.Str()
		case "url.path":
			r.Path = value.Str()
		case "url.query":
			r.Query = value.Str()
		case "url.full":
			full = value.Str()
		case "user_agent.original":
			r.Headers = appendHeaders(r.Headers, "user-agent", value)
		default:
			if name, ok := strings.CutPrefix(key, headerPrefix); ok {
				r.Headers = appendHeaders(r.Headers, name, value)
			}
		}
	}
	if original != "" {
		r.Method = original
	} else if r.Method == "_OTHER" {
		r.Method = ""
	}
	if r.Path == "" && r.Query == "" {
		r.Path, r.Query = cutURL(full)
	}
	return r
}

// appendHeaders adds the values of a field: a text, or a list of them.
func appendHeaders(to []crsHeader, name string, value pcommon.Value) []crsHeader {
	switch value.Type() {
	case pcommon.ValueTypeStr:
		return append(to, crsHeader{name, value.Str()})
	case pcommon.ValueTypeSlice:
		for _, element := range value.Slice().All() {
			if element.Type() == pcommon.ValueTypeStr {
				to = append(to, crsHeader{name, element.Str()})
			}
		}
	}
	return to
}

// cutURL returns path and query of a URL, as they were sent.
func cutURL(full string) (path, query string) {
	if _, rest, ok := strings.Cut(full, "://"); ok {
		full = rest[strings.IndexAny(rest+"/", "/?#"):]
	}
	full, _, _ = strings.Cut(full, "#")
	path, query, _ = strings.Cut(full, "?")
	return path, query
}
