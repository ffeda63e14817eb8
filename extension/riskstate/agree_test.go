// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskstate

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/otelcol-risk/otelcol-risk/extension/riskstate/scorepb"
)

func text(key, value string) *scorepb.Attribute {
	return &scorepb.Attribute{Key: key, Value: &scorepb.Attribute_Text{Text: value}}
}

func integer(key string, value int64) *scorepb.Attribute {
	return &scorepb.Attribute{Key: key, Value: &scorepb.Attribute_Int{Int: value}}
}

func boolean(key string, value bool) *scorepb.Attribute {
	return &scorepb.Attribute{Key: key, Value: &scorepb.Attribute_Bool{Bool: value}}
}

func float(key string, value float64) *scorepb.Attribute {
	return &scorepb.Attribute{Key: key, Value: &scorepb.Attribute_Float{Float: value}}
}

// TestBothWaysOfAskingAgree asks the same over HTTP and gRPC. A refused question is refused by both.
func TestBothWaysOfAskingAgree(t *testing.T) {
	defer http.DefaultClient.CloseIdleConnections()
	cfg := scoringConfig()
	cfg.Scoring.MaxEntities, cfg.Scoring.MaxAttributes = 3, 3
	s := started(t, cfg)
	_, err := s.RegisterScorer("risk", repeat)
	require.NoError(t, err)
	conn, err := grpc.NewClient(s.grpcAddr.String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	defer func() { assert.NoError(t, conn.Close()) }()
	client := scorepb.NewRiskClient(conn)

	type entities = map[string]string
	type attributes = []*scorepb.Attribute
	for question, same := range map[string]*scorepb.ScoreRequest{
		`{}`:                {},
		`{"observe":true}`:  {Observe: true},
		`{"scorer":"risk"}`: {Scorer: "risk"},
		`{"scorer":"x"}`:    {Scorer: "x"},
		`{"ip":"2001:db8::1","user":"älïce","device":"d\u0000\"\\"}`:      {Ip: "2001:db8::1", User: "älïce", Device: "d\x00\"\\"},
		`{"entities":{"ip":"a","tenant":"t"}}`:                            {Entities: entities{"ip": "a", "tenant": "t"}},
		`{"ip":"a","entities":{"ip":"a"}}`:                                {Ip: "a", Entities: entities{"ip": "a"}},
		`{"entities":{"tenant":""}}`:                                      {Entities: entities{"tenant": ""}},
		`{"entities":{"":"t"}}`:                                           {Entities: entities{"": "t"}},
		`{"ip":"a","user":"b","device":"c"}`:                              {Ip: "a", User: "b", Device: "c"},
		`{"ip":"a","user":"b","device":"c","entities":{"d":"e"}}`:         {Ip: "a", User: "b", Device: "c", Entities: entities{"d": "e"}},
		`{"entities":{"a":"a","b":"b","c":"c","d":"d"}}`:                  {Entities: entities{"a": "a", "b": "b", "c": "c", "d": "d"}},
		`{"attributes":{"a":"","b":"1","":"x"}}`:                          {Attributes: attributes{text("a", ""), text("b", "1"), text("", "x")}},
		`{"attributes":{"a":-9223372036854775808,"b":0}}`:                 {Attributes: attributes{integer("a", math.MinInt64), integer("b", 0)}},
		`{"attributes":{"a":9223372036854775808,"b":0.1,"c":-1e-300}}`:    {Attributes: attributes{float("a", 1<<63), float("b", 0.1), float("c", -1e-300)}},
		`{"attributes":{"a":true,"b":false}}`:                             {Attributes: attributes{boolean("a", true), boolean("b", false)}},
		`{"attributes":{"a":"1","a":"2"}}`:                                {Attributes: attributes{text("a", "1"), text("a", "2")}},
		`{"attributes":{"a":null}}`:                                       {Attributes: attributes{{Key: "a"}}},
		`{"attributes":{"a":1e999}}`:                                      {Attributes: attributes{float("a", math.Inf(1))}},
		`{"attributes":{"a":NaN}}`:                                        {Attributes: attributes{float("a", math.NaN())}},
		`{"attributes":{"a":"1","b":"2","c":"3","d":"4"},"observe":true}`: {Observe: true, Attributes: attributes{text("a", "1"), text("b", "2"), text("c", "3"), text("d", "4")}},
	} {
		code, body := post(t, s, question, "application/json")
		answer, err := client.Score(t.Context(), same)
		if code != http.StatusOK {
			assert.Equal(t, http.StatusBadRequest, code, question)
			assert.Equal(t, codes.InvalidArgument, status.Code(err), question)
			continue
		}
		require.NoError(t, err, question)
		var got ScoreAnswer
		require.NoError(t, json.Unmarshal([]byte(body), &got))
		want := ScoreAnswer{Score: answer.GetScore(), Level: answer.GetLevel(), Reasons: answer.GetReasons(), Degraded: answer.GetDegraded()}
		slices.Sort(got.Reasons) // entities of a map come in any order
		slices.Sort(want.Reasons)
		assert.Equal(t, fmt.Sprint(want), fmt.Sprint(got), question)
	}
}
