// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskstate

import (
	"context"
	"fmt"
	"math"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/otelcol-risk/otelcol-risk/extension/riskstate/internal/question"
	"github.com/otelcol-risk/otelcol-risk/extension/riskstate/scorepb"
)

// grpcAPI answers the same questions over gRPC. It may be used by many goroutines at once.
type grpcAPI struct {
	scorepb.UnimplementedRiskServer
	*asker
	limits question.Limits
}

// Score implements the service.
func (g *grpcAPI) Score(ctx context.Context, asked *scorepb.ScoreRequest) (*scorepb.ScoreResponse, error) {
	start := time.Now()
	request, err := g.request(asked)
	if err != nil {
		g.done(ctx, start, invalid)
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	var answer ScoreAnswer
	result, err := g.ask(ctx, asked.GetScorer(), request, &answer)
	g.done(ctx, start, result)
	if err != nil {
		code := [outcomes]codes.Code{invalid: codes.InvalidArgument, unavailable: codes.Unavailable, failed: codes.Internal}
		return nil, status.Error(code[result], err.Error())
	}
	return &scorepb.ScoreResponse{Score: answer.Score, Level: answer.Level, Reasons: answer.Reasons, Degraded: answer.Degraded}, nil
}

// request reads a question, and refuses what the question in JSON would be refused for.
func (g *grpcAPI) request(asked *scorepb.ScoreRequest) (*ScoreRequest, error) {
	r := &ScoreRequest{Observe: asked.GetObserve()}
	var err error
	if r.Entities, err = g.entities(asked); err != nil {
		return nil, err
	}
	if len(asked.GetAttributes()) > g.limits.Attributes {
		return nil, fmt.Errorf("attributes: has more than the %d allowed", g.limits.Attributes)
	}
	seen := make(map[string]struct{}, len(asked.GetAttributes()))
	for i, a := range asked.GetAttributes() {
		if _, twice := seen[a.GetKey()]; twice {
			return nil, fmt.Errorf("attributes/%d: %q is given twice", i, a.GetKey())
		}
		seen[a.GetKey()] = struct{}{}
		attribute := Attribute{Key: a.GetKey()}
		switch v := a.GetValue().(type) {
		case *scorepb.Attribute_Text:
			attribute.Kind, attribute.Text = AttributeText, v.Text
		case *scorepb.Attribute_Int:
			attribute.Kind, attribute.Int = AttributeInt, v.Int
		case *scorepb.Attribute_Float:
			if math.IsNaN(v.Float) || math.IsInf(v.Float, 0) {
				return nil, fmt.Errorf("attributes/%d: must be a finite number, found %v", i, v.Float)
			}
			attribute.Kind, attribute.Float = AttributeFloat, v.Float
		case *scorepb.Attribute_Bool:
			attribute.Kind = AttributeBool
			if v.Bool {
				attribute.Int = 1
			}
		default:
			return nil, fmt.Errorf("attributes/%d: has no value", i)
		}
		r.Attributes = append(r.Attributes, attribute)
	}
	return r, nil
}

func (g *grpcAPI) entities(asked *scorepb.ScoreRequest) ([]Entity, error) {
	var all []Entity
	for _, e := range []Entity{{"ip", asked.GetIp()}, {"user", asked.GetUser()}, {"device", asked.GetDevice()}} {
		if e.Value != "" {
			all = append(all, e)
		}
	}
	given := len(all)
	for name, value := range asked.GetEntities() {
		if name == "" || value == "" {
			return nil, fmt.Errorf("entities/%s: must not be empty", name)
		}
		for _, other := range all[:given] {
			if other.Name == name {
				return nil, fmt.Errorf("entities/%s: is given twice", name)
			}
		}
		all = append(all, Entity{Name: name, Value: value})
	}
	if len(all) > g.limits.Entities {
		return nil, fmt.Errorf("entities: has more than the %d allowed", g.limits.Entities)
	}
	return all, nil
}
