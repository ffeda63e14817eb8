// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskstate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/otelcol-risk/otelcol-risk/extension/riskstate/internal/metadatatest"
	"github.com/otelcol-risk/otelcol-risk/extension/riskstate/scorepb"
)

func scoringConfig() *Config {
	cfg := createDefaultConfig().(*Config)
	cfg.Scoring.HTTP.GetOrInsertDefault().NetAddr.Endpoint = "localhost:0"
	cfg.Scoring.GRPC.GetOrInsertDefault().NetAddr.Endpoint = "localhost:0"
	return cfg
}

// repeat is a scorer whose answer shows the question.
func repeat(_ context.Context, r *ScoreRequest, a *ScoreAnswer) error {
	a.Score, a.Level, a.Degraded = 0.5, "medium", r.Observe
	for _, e := range r.Entities {
		a.Reasons = append(a.Reasons, e.Name+"="+e.Value)
	}
	for _, at := range r.Attributes {
		a.Reasons = append(a.Reasons, fmt.Sprintf("%s=%d:%s%d%v", at.Key, at.Kind, at.Text, at.Int, at.Float))
	}
	return nil
}

func post(t *testing.T, s *riskState, body, contentType string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+s.httpAddr.String()+"/v1/score", strings.NewReader(body))
	require.NoError(t, err)
	request.Header.Set("Content-Type", contentType)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer func() { assert.NoError(t, response.Body.Close()) }()
	answer, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	assert.Equal(t, "application/json", response.Header.Get("Content-Type"))
	return response.StatusCode, string(answer)
}

func TestScoreOverHTTP(t *testing.T) {
	defer http.DefaultClient.CloseIdleConnections()
	s := started(t, scoringConfig())
	code, answer := post(t, s, `{"ip":"a"}`, "application/json")
	assert.Equal(t, http.StatusServiceUnavailable, code)
	assert.JSONEq(t, `{"error":"no processor offers a score","field":"","offset":0}`, answer)

	_, err := s.RegisterScorer("risk", repeat)
	require.NoError(t, err)
	code, answer = post(t, s, `{"ip":"203.0.113.7","user":"alice","device":"d","entities":{"tenant":"t"},
		"attributes":{"m":"POST","n":3,"f":1.5,"b":true},"observe":true}`, "application/json; charset=utf-8")
	assert.Equal(t, http.StatusOK, code)
	assert.JSONEq(t, `{"score":0.5,"level":"medium","degraded":true,"reasons":["ip=203.0.113.7","user=alice","device=d","tenant=t",
		"m=1:POST00","n=2:30","f=3:01.5","b=4:10"]}`, answer)
	code, answer = post(t, s, `{}`, "")
	assert.Equal(t, http.StatusOK, code)
	assert.JSONEq(t, `{"score":0.5,"level":"medium","degraded":false,"reasons":[]}`, answer, "nothing is left of the last question")

	code, answer = post(t, s, `{"ip": 7}`, "application/json")
	assert.Equal(t, http.StatusBadRequest, code)
	assert.JSONEq(t, `{"error":"ip: must be a string, found a number","field":"ip","offset":7}`, answer)
	code, answer = post(t, s, `{"scorer":"risk/2"}`, "application/json")
	assert.Equal(t, http.StatusBadRequest, code)
	assert.Contains(t, answer, `"field":"scorer"`)
	code, answer = post(t, s, `{"ip":"`+strings.Repeat("a", 64<<10)+`"}`, "application/json")
	assert.Equal(t, http.StatusRequestEntityTooLarge, code)
	assert.Contains(t, answer, "65536 bytes")
	code, answer = post(t, s, `a=b`, "application/x-www-form-urlencoded")
	assert.Equal(t, http.StatusUnsupportedMediaType, code)
	assert.Contains(t, answer, "application/x-www-form-urlencoded")
}

func TestAScorerThatFailsIsAnError(t *testing.T) {
	defer http.DefaultClient.CloseIdleConnections()
	faults := map[string]scoreFunc{
		"error": func(context.Context, *ScoreRequest, *ScoreAnswer) error { return errors.New("secret detail") },
		"NaN":   func(_ context.Context, _ *ScoreRequest, a *ScoreAnswer) error { a.Score = math.NaN(); return nil },
	}
	for name, fault := range faults {
		s := started(t, scoringConfig())
		_, err := s.RegisterScorer("risk", fault)
		require.NoError(t, err)
		code, answer := post(t, s, `{"ip":"a"}`, "application/json")
		assert.Equal(t, http.StatusInternalServerError, code, name)
		assert.JSONEq(t, `{"error":"the processor could not answer","field":"","offset":0}`, answer, name)
	}
}

func TestOnlyPostIsAnswered(t *testing.T) {
	defer http.DefaultClient.CloseIdleConnections()
	s := started(t, scoringConfig())
	for path, want := range map[string]int{"/v1/score": http.StatusMethodNotAllowed, "/": http.StatusNotFound} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.httpAddr.String()+path, nil)
		require.NoError(t, err)
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		_ = response.Body.Close()
		assert.Equal(t, want, response.StatusCode, path)
	}
}

func TestScoreOverGRPC(t *testing.T) {
	s := started(t, scoringConfig())
	conn, err := grpc.NewClient(s.grpcAddr.String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	defer func() { assert.NoError(t, conn.Close()) }()
	client := scorepb.NewRiskClient(conn)
	_, err = client.Score(t.Context(), &scorepb.ScoreRequest{Ip: "a"})
	assert.Equal(t, codes.Unavailable, status.Code(err))

	_, err = s.RegisterScorer("risk", repeat)
	require.NoError(t, err)
	answer, err := client.Score(t.Context(), &scorepb.ScoreRequest{
		Ip: "203.0.113.7", User: "alice", Device: "d", Entities: map[string]string{"tenant": "t"}, Observe: true,
		Attributes: []*scorepb.Attribute{
			{Key: "m", Value: &scorepb.Attribute_Text{Text: "POST"}},
			{Key: "n", Value: &scorepb.Attribute_Int{Int: 3}},
			{Key: "f", Value: &scorepb.Attribute_Float{Float: 1.5}},
			{Key: "b", Value: &scorepb.Attribute_Bool{Bool: true}},
		},
	})
	require.NoError(t, err)
	assert.InDelta(t, 0.5, answer.GetScore(), 0)
	assert.True(t, answer.GetDegraded())
	assert.Equal(t, []string{"ip=203.0.113.7", "user=alice", "device=d", "tenant=t", "m=1:POST00", "n=2:30", "f=3:01.5", "b=4:10"}, answer.GetReasons())

	for want, request := range map[string]*scorepb.ScoreRequest{
		"entities/t: must not be empty":  {Entities: map[string]string{"t": ""}},
		"entities/ip: is given twice":    {Ip: "a", Entities: map[string]string{"ip": "b"}},
		"attributes/0: has no value":     {Attributes: []*scorepb.Attribute{{Key: "a"}}},
		"attributes: has more than":      {Attributes: make([]*scorepb.Attribute, 129)},
		`scorer: "risk/2" is not one of`: {Scorer: "risk/2"},
	} {
		_, err := client.Score(t.Context(), request)
		assert.Equal(t, codes.InvalidArgument, status.Code(err), want)
		assert.ErrorContains(t, err, want)
	}
	_, err = client.Score(t.Context(), &scorepb.ScoreRequest{Ip: strings.Repeat("a", 2<<20)})
	assert.Equal(t, codes.ResourceExhausted, status.Code(err))
}

func TestQuestionsAreCounted(t *testing.T) {
	defer http.DefaultClient.CloseIdleConnections()
	telemetry := componenttest.NewTelemetry()
	defer func() { assert.NoError(t, telemetry.Shutdown(context.WithoutCancel(t.Context()))) }()
	s, err := newState(metadatatest.NewSettings(telemetry), scoringConfig())
	require.NoError(t, err)
	require.NoError(t, s.Start(t.Context(), componenttest.NewNopHost()))
	post(t, s, `{}`, "")
	_, err = s.RegisterScorer("risk", repeat)
	require.NoError(t, err)
	post(t, s, `{}`, "")
	post(t, s, `{}`, "")
	post(t, s, `}`, "")
	require.NoError(t, s.Shutdown(t.Context()))
	got, err := telemetry.GetMetric("otelcol_extension_riskstate_score_requests")
	require.NoError(t, err)
	counts := map[string]int64{}
	for _, point := range got.Data.(metricdata.Sum[int64]).DataPoints {
		outcome, _ := point.Attributes.Value(attribute.Key("outcome"))
		counts[outcome.AsString()] = point.Value
	}
	assert.Equal(t, map[string]int64{"ok": 2, "invalid": 1, "unavailable": 1}, counts)
}

func TestAPortThatIsTakenIsNamed(t *testing.T) {
	first := started(t, scoringConfig())
	for _, taken := range []string{"http", "grpc"} {
		cfg := scoringConfig()
		if taken == "http" {
			cfg.Scoring.HTTP.Get().NetAddr.Endpoint = first.httpAddr.String()
		} else {
			cfg.Scoring.GRPC.Get().NetAddr.Endpoint = first.grpcAddr.String()
		}
		s, err := newState(metadatatest.NewSettings(componenttest.NewTelemetry()), cfg)
		require.NoError(t, err)
		require.ErrorContains(t, s.Start(t.Context(), componenttest.NewNopHost()), "scoring::"+taken)
		require.NoError(t, s.Shutdown(t.Context()))
	}
}

// nowhere is a client that does not read.
type nowhere struct{ header http.Header }

func (n nowhere) Header() http.Header       { return n.header }
func (nowhere) Write(b []byte) (int, error) { return len(b), nil }
func (nowhere) WriteHeader(int)             {}

// BenchmarkScore is what the API itself costs: reading the question, finding the scorer, counting, writing the answer.
func BenchmarkScore(b *testing.B) {
	s, err := newState(metadatatest.NewSettings(componenttest.NewTelemetry()), scoringConfig())
	require.NoError(b, err)
	_, err = s.RegisterScorer("risk", func(_ context.Context, _ *ScoreRequest, a *ScoreAnswer) error {
		a.Score, a.Level = 0.5, "medium"
		return nil
	})
	require.NoError(b, err)
	api := newHTTPAPI(s.asker("http"), s.limits())
	const question = `{"ip":"203.0.113.7","user":"alice","device":"d-1","attributes":{"http.request.method":"POST","url.path":"/login","http.response.status_code":401}}`
	request, err := http.NewRequestWithContext(b.Context(), http.MethodPost, scorePath, nil)
	require.NoError(b, err)
	body := bytes.NewReader(nil)
	request.Body, request.ContentLength = io.NopCloser(body), int64(len(question))
	w := nowhere{http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		body.Reset([]byte(question))
		api.ServeHTTP(w, request)
	}
}
