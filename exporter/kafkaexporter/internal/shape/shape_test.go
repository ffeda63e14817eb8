// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package shape

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/kafka/topic"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/client"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/encode"
	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/express"
	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/recordbatch"
)

// otlp is the encoding that knows keys; ownKeys is one that makes a record of each trace's first span.
var (
	otlp = Encoding[ptrace.Traces]{
		Keyed: func(td ptrace.Traces, keying encode.Keying) ([]encode.Record, error) {
			return encode.Encoder{Keying: keying}.Traces(td)
		},
		Plain: encode.Encoder{}.Traces,
	}
	ownKeys = Encoding[ptrace.Traces]{
		Plain: func(td ptrace.Traces) ([]encode.Record, error) {
			return []encode.Record{{Key: []byte("own"), Items: td.SpanCount()}}, nil
		},
		OwnKeys: true,
	}
)

// risky has a trace for each score, in a resource of its own; a score below zero stands for none.
func risky(scores ...float64) ptrace.Traces {
	td := ptrace.NewTraces()
	for n, score := range scores {
		rs := td.ResourceSpans().AppendEmpty()
		rs.Resource().Attributes().PutInt("n", int64(n))
		spans := rs.ScopeSpans().AppendEmpty().Spans()
		for _, factor := range []float64{0.5, 1, 0.1} {
			span := spans.AppendEmpty()
			span.SetTraceID(pcommon.TraceID{15: byte(n + 1)})
			if score >= 0 {
				span.Attributes().PutDouble(riskScore, score*factor)
				span.Attributes().PutStr(riskLevel, fmt.Sprintf("level-%g", score*factor))
			}
		}
	}
	return td
}

func headers(r encode.Record) string {
	text := ""
	for _, h := range r.Headers {
		text += fmt.Sprintf("%s=%s ", h.Name, h.Value)
	}
	return text
}

func TestARecordCarriesTheRiskOfItsRiskiestSpan(t *testing.T) {
	static := []recordbatch.Header{{Name: "a", Value: []byte("1")}}
	high, low := "a=1 risk.score=0.9 risk.level=level-0.9 ", "a=1 risk.score=0.2 risk.level=level-0.2 "
	for name, test := range map[string]struct {
		settings Settings
		encoding Encoding[ptrace.Traces]
		want     []string
	}{
		"one record":              {Settings{}, otlp, []string{high}},
		"a record a trace":        {Settings{Keying: encode.ByTraceID}, otlp, []string{low, high, "a=1 "}},
		"a record a resource":     {Settings{Keying: encode.ByResource}, otlp, []string{low, high, "a=1 "}},
		"topics by attribute":     {Settings{TopicFromAttribute: "t"}, otlp, []string{low, high, "a=1 "}},
		"keys of the encoding's":  {Settings{}, ownKeys, []string{low, high, "a=1 "}},
		"by trace, with own keys": {Settings{Keying: encode.ByTraceID}, ownKeys, []string{low, high, "a=1 "}},
	} {
		t.Run(name, func(t *testing.T) {
			test.settings.Headers, test.settings.Risk = static, true
			records, err := NewTraces(test.settings, test.encoding).Records(t.Context(), risky(0.2, 0.9, -1))
			require.NoError(t, err)
			var got []string
			for _, r := range records {
				got = append(got, headers(r))
			}
			assert.Equal(t, test.want, got)
			assert.Len(t, static, 1)
		})
	}
}

func TestAScoreWithoutALevelAndALevelWithoutAScore(t *testing.T) {
	td := risky(-1, -1)
	span := td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0)
	span.Attributes().PutStr(riskLevel, "high")
	records, err := NewTraces(Settings{Risk: true}, otlp).Records(t.Context(), td)
	require.NoError(t, err)
	assert.Empty(t, headers(records[0]), "nothing is guessed")
	span.Attributes().Remove(riskLevel)
	span.Attributes().PutDouble(riskScore, 1)
	records, err = NewTraces(Settings{Risk: true}, otlp).Records(t.Context(), td)
	require.NoError(t, err)
	assert.Equal(t, "risk.score=1 ", headers(records[0]))
}

func TestTheKeyIsAnAttributeOfTheResource(t *testing.T) {
	td := risky(-1, -1, -1)
	td.ResourceSpans().At(0).Resource().Attributes().PutStr("tenant", "acme")
	td.ResourceSpans().At(1).Resource().Attributes().PutInt("tenant", 7)
	records, err := NewTraces(Settings{KeyFromAttribute: "tenant"}, otlp).Records(t.Context(), td)
	require.NoError(t, err)
	require.Len(t, records, 3)
	assert.Equal(t, "acme", string(records[0].Key))
	assert.Nil(t, records[1].Key)
	assert.Nil(t, records[2].Key)
}

func TestTheContextNamesATopicThatSettingsDoNot(t *testing.T) {
	ctx := topic.WithTopic(context.Background(), "of the context")
	records, err := NewTraces(Settings{Topic: "of the settings"}, otlp).Records(ctx, risky(1))
	require.NoError(t, err)
	assert.Equal(t, "of the context", records[0].Topic)
}

func TestAnEncodingsErrorIsPassedOn(t *testing.T) {
	broken := errors.New("broken")
	fails := Encoding[ptrace.Traces]{Plain: func(ptrace.Traces) ([]encode.Record, error) { return nil, broken }}
	for _, set := range []Settings{{}, {Keying: encode.ByResource}, {Keying: encode.ByTraceID}} {
		_, err := NewTraces(set, fails).Records(t.Context(), risky(1))
		assert.ErrorIs(t, err, broken)
	}
}

// TestWhatIsSaidOfAPartComesAfterMetadataAndBeforeSettings: key and topic of a part, of which either may be missing.
func TestWhatIsSaidOfAPartComesAfterMetadataAndBeforeSettings(t *testing.T) {
	parts := []express.Part[ptrace.Traces]{
		{Place: express.Place{Topic: "said", Key: "k"}, Data: risky(1)},
		{Place: express.Place{Key: "k2"}, Data: risky(1)},
		{Data: risky(1, 1)},
	}
	places := func(ctx context.Context, set Settings) (all []string) {
		s := NewTraces(set, otlp)
		s.SortBy(func(context.Context, ptrace.Traces) []express.Part[ptrace.Traces] { return parts })
		records, err := s.Records(ctx, ptrace.NewTraces())
		require.NoError(t, err)
		for _, r := range records {
			all = append(all, fmt.Sprintf("%s/%s/%d", r.Topic, r.Key, r.Items))
		}
		return all
	}
	set := Settings{Topic: "fallback", TopicFromMetadata: "where"}
	assert.Equal(t, []string{"said/k/3", "fallback/k2/3", "fallback//6"}, places(t.Context(), set))
	ctx := client.NewContext(t.Context(), client.Info{Metadata: client.NewMetadata(map[string][]string{"where": {"asked"}})})
	assert.Equal(t, []string{"asked/k/3", "asked/k2/3", "asked//6"}, places(ctx, set))
	set.Keying, parts = encode.ByTraceID, parts[2:]
	assert.Len(t, places(t.Context(), set), 2, "only the topic was sorted by")
}
