// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package kafkaexporter

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestLimitsAreAskedForOnceInAWhile(t *testing.T) {
	now, asked, answer, fault := time.Unix(0, 0), 0, 100, error(nil)
	l := newLimits(func(context.Context, string) (int, error) { asked++; return answer, fault }, time.Minute, func() time.Time { return now })
	of := func(topic string) int { return l.of(t.Context(), topic) }
	assert.Equal(t, 100, of("a"))
	answer = 50
	assert.Equal(t, 100, of("a"))
	assert.Equal(t, 50, of("b"))
	assert.Equal(t, 2, asked)
	now = now.Add(time.Minute)
	assert.Equal(t, 50, of("a"))
	fault = errors.New("not allowed")
	now = now.Add(time.Minute)
	assert.Equal(t, 50, of("a"), "what was true once")
	assert.Equal(t, 0, of("c"), "never heard of")
	assert.Equal(t, 0, of("c"))
	assert.Equal(t, 5, asked)
	fault, answer = nil, 30
	assert.Equal(t, 30, l.again(t.Context(), "a"))
	assert.Equal(t, 30, of("a"))
	assert.Equal(t, 6, asked)
}
