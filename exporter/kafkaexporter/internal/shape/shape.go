// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package shape

import (
	"context"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/kafka/topic"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/pdatautil"
	"go.opentelemetry.io/collector/client"
	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/encode"
	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/express"
	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/recordbatch"
)

// Settings say what records look like. Empty names mean that there is no such source.
type Settings struct {
	// Topic is where records go for which nothing below names another topic.
	Topic string
	// TopicFromMetadata and KeyFromMetadata are keys of the client's metadata.
	TopicFromMetadata, KeyFromMetadata string
	// TopicFromAttribute and KeyFromAttribute are attributes of resources.
	TopicFromAttribute, KeyFromAttribute string
	// Keying chooses the key of a record. Metrics and profiles have no trace ids.
	Keying encode.Keying
	// Headers are on every record, followed by the values of HeadersFromMetadata, keys of the client's metadata.
	Headers             []recordbatch.Header
	HeadersFromMetadata []string
	// Risk adds risk.score and risk.level.
	Risk bool
}

// Encoding is a way to encode data of type T.
type Encoding[T any] struct {
	// Keyed makes records with the given keys. Nil means that the encoding knows no keys.
	Keyed func(data T, keying encode.Keying) ([]encode.Record, error)
	// Plain makes records without keys, or with keys of the encoding's own.
	Plain func(data T) ([]encode.Record, error)
	// OwnKeys says that Plain makes keys, by which trace ids as keys lose their point.
	OwnKeys bool
	// Cut cuts a record's value that is too large; nil means that it cannot be cut. See encode.CutItems.
	Cut Cut
}

// Cut cuts a value into pieces of at most most bytes, and returns apart what is larger and cannot be cut.
type Cut func(value []byte, most int) (fit, tooLarge []encode.Piece, err error)

// Shaper makes records of requests.
type Shaper[T any] struct {
	settings Settings
	encoding Encoding[T]
	signal   signal[T]
	sort     func(context.Context, T) []express.Part[T] // nil keeps a request together
}

// SortBy makes the shaper sort each request first. What a part says of its topic and key comes after the client's metadata and
// before the settings.
func (s *Shaper[T]) SortBy(sort func(context.Context, T) []express.Part[T]) { s.sort = sort }

// signal is what has to be known about data of type T.
type signal[T any] struct {
	resources func(T) int
	resource  func(T, int) pcommon.Resource
	// only copies the i-th resource with everything below it.
	only func(T, int) T
	// traces copies each trace into data of its own, keyed by the hexadecimal trace id; nil where there are no trace ids.
	traces func(T) []part[T]
	// risks returns the highest risk of all data or, with a keying, of what has the same key; nil where there is none.
	risks func(T, encode.Keying) risks
}

// part is a part of a request.
type part[T any] struct {
	key  []byte
	data T
}

// origin is what a request says about all its records.
type origin struct {
	topic    string // from metadata
	fallback string // from the context, else from the settings
	key      []byte
	headers  []recordbatch.Header
}

// Records makes the records of a request.
func (s *Shaper[T]) Records(ctx context.Context, data T) ([]encode.Record, error) {
	from := s.origin(ctx)
	if s.sort == nil {
		return s.records(from, data)
	}
	var all []encode.Record
	for _, part := range s.sort(ctx, data) {
		here := from
		if here.topic == "" {
			here.topic = part.Topic
		}
		if part.Key != "" {
			here.key = []byte(part.Key)
		}
		records, err := s.records(here, part.Data)
		if err != nil {
			return nil, err
		}
		all = append(all, records...)
	}
	return all, nil
}

// records makes the records of a request, or of a part of one.
func (s *Shaper[T]) records(from origin, data T) ([]encode.Record, error) {
	keying := s.settings.Keying
	if s.encoding.OwnKeys && keying == encode.ByTraceID {
		keying = encode.Unkeyed
	}
	// Also where metadata names one topic for all: contrib's exporter splits then, too.
	together := s.settings.TopicFromAttribute == "" && s.settings.KeyFromAttribute == ""
	if together && (keying == encode.Unkeyed && !s.riskOfOwnKeys() || s.encoding.Keyed != nil) {
		return s.whole(from, data, keying)
	}
	var all []encode.Record
	for _, p := range s.split(data, keying) {
		records, err := s.encoding.Plain(p.data)
		if err != nil {
			return nil, err
		}
		topic := s.topic(from, p.data)
		headers := s.risks(p.data, encode.Unkeyed).headers(nil, from.headers)
		for i := range records {
			records[i].Topic, records[i].Headers = topic, headers
			records[i].Key = firstKey(p.key, from.key, records[i].Key)
		}
		all = append(all, records...)
	}
	return all, nil
}

// whole makes records of data that goes to one topic.
func (s *Shaper[T]) whole(from origin, data T, keying encode.Keying) ([]encode.Record, error) {
	var records []encode.Record
	var err error
	if keying == encode.Unkeyed {
		records, err = s.encoding.Plain(data)
	} else {
		records, err = s.encoding.Keyed(data, keying)
	}
	if err != nil {
		return nil, err
	}
	topic, risks := s.topic(from, data), s.risks(data, keying)
	for i := range records {
		records[i].Topic = topic
		records[i].Headers = risks.headers(records[i].Key, from.headers)
		if keying == encode.Unkeyed {
			records[i].Key = firstKey(nil, from.key, records[i].Key)
		}
	}
	return records, nil
}

// riskOfOwnKeys tells whether records of one trace have to be kept together for their risk, although the encoding makes
// one of each span.
func (s *Shaper[T]) riskOfOwnKeys() bool {
	return s.settings.Risk && s.encoding.OwnKeys && s.signal.traces != nil
}

// split cuts data by trace or by resource.
func (s *Shaper[T]) split(data T, keying encode.Keying) []part[T] {
	if keying == encode.ByTraceID {
		return s.signal.traces(data)
	}
	if keying == encode.Unkeyed && s.riskOfOwnKeys() {
		parts := s.signal.traces(data)
		for i := range parts {
			parts[i].key = nil
		}
		return parts
	}
	parts := make([]part[T], s.signal.resources(data))
	for i := range parts {
		parts[i].data = s.signal.only(data, i)
		if name := s.settings.KeyFromAttribute; name != "" {
			parts[i].key = attribute(s.signal.resource(data, i), name)
		} else if keying == encode.ByResource {
			key := pdatautil.MapHash(s.signal.resource(data, i).Attributes())
			parts[i].key = key[:]
		}
	}
	return parts
}

// origin reads the client's metadata and the context.
func (s *Shaper[T]) origin(ctx context.Context) origin {
	from := origin{fallback: s.settings.Topic, headers: s.settings.Headers}
	if t, ok := topic.FromContext(ctx); ok {
		from.fallback = t
	}
	if s.settings.TopicFromMetadata != "" || s.settings.KeyFromMetadata != "" || len(s.settings.HeadersFromMetadata) > 0 {
		s.metadata(&from, client.FromContext(ctx).Metadata)
	}
	return from
}

func (s *Shaper[T]) metadata(from *origin, metadata client.Metadata) {
	if key := s.settings.TopicFromMetadata; key != "" {
		if values := metadata.Get(key); len(values) > 0 {
			from.topic = values[0]
		}
	}
	if key := s.settings.KeyFromMetadata; key != "" {
		if values := metadata.Get(key); len(values) > 0 && values[0] != "" {
			from.key = []byte(values[0])
		}
	}
	if len(s.settings.HeadersFromMetadata) == 0 {
		return
	}
	from.headers = append([]recordbatch.Header(nil), from.headers...)
	for _, key := range s.settings.HeadersFromMetadata {
		for _, value := range metadata.Get(key) {
			from.headers = append(from.headers, recordbatch.Header{Name: key, Value: []byte(value)})
		}
	}
}

// topic returns the topic of data that goes to one.
func (s *Shaper[T]) topic(from origin, data T) string {
	if from.topic != "" {
		return from.topic
	}
	if s.settings.TopicFromAttribute == "" {
		return from.fallback
	}
	for i := range s.signal.resources(data) {
		if topic := attribute(s.signal.resource(data, i), s.settings.TopicFromAttribute); topic != nil {
			return string(topic)
		}
	}
	return from.fallback
}

// attribute returns a resource's attribute if it is a text and not empty, else nil.
func attribute(resource pcommon.Resource, name string) []byte {
	v, found := resource.Attributes().Get(name)
	if !found || v.Type() != pcommon.ValueTypeStr || v.Str() == "" {
		return nil
	}
	return []byte(v.Str())
}

func (s *Shaper[T]) risks(data T, keying encode.Keying) risks {
	if !s.settings.Risk || s.signal.risks == nil {
		return nil
	}
	return s.signal.risks(data, keying)
}

func firstKey(keys ...[]byte) []byte {
	for _, key := range keys {
		if key != nil {
			return key
		}
	}
	return nil
}
