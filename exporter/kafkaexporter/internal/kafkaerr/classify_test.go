// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package kafkaerr

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestClassify(t *testing.T) {
	for name, test := range map[string]struct {
		codes []int16
		want  Class
	}{
		"success, and a batch that the broker has already":               {[]int16{0, 46}, OK},
		"the broker is right but needs time":                             {[]int16{2, 7, 14, 15, 16, 19, 20, 34, 51, 89}, Retry},
		"another broker has to be asked":                                 {[]int16{3, 5, 6, 8, 9, 13, 41, 56, 72, 74, 75, 100, 103, 129}, Refresh},
		"the broker remembers the producer differently":                  {[]int16{45, 47, 49, 59}, Sequence},
		"the topic does not take so much":                                {[]int16{10, 18}, TooLarge},
		"the same bytes would be refused again":                          {[]int16{17, 21, 32, 35, 42, 43, 44, 48, 76, 87}, Permanent},
		"the broker does not know what is wrong":                         {[]int16{-1}, Unexpected},
		"a right is missing":                                             {[]int16{29, 30, 31, 53}, Unauthorized},
		"the broker does not believe who we are":                         {[]int16{33, 58}, Unauthenticated},
		"another producer has taken over":                                {[]int16{90}, Fenced},
		"codes that nobody has heard of must not block a partition":      {[]int16{999, math.MaxInt16, math.MinInt16, -2}, Permanent},
		"codes of requests that are never sent are treated as strangers": {[]int16{27, 69}, Permanent},
	} {
		t.Run(name, func(t *testing.T) {
			for _, code := range test.codes {
				assert.Equal(t, test.want, Classify(code), "code %d, %s", code, Name(code))
			}
		})
	}
}

func TestForeign(t *testing.T) {
	for code := int16(-1); code < 200; code++ {
		assert.Equal(t, code == 47 || code == 49, Foreign(code), "code %d, %s", code, Name(code))
	}
}

func TestUntouched(t *testing.T) {
	for code := int16(-1); code < 200; code++ {
		assert.Equal(t, code == 2 || code == 19, Untouched(code), "code %d, %s", code, Name(code))
	}
}

func TestEveryKnownCodeHasANameOfItsOwn(t *testing.T) {
	seen := make(map[string]int16)
	known := 0
	for code := int16(-1); code < 200; code++ {
		name := Name(code)
		other, taken := seen[name]
		assert.False(t, taken, "%q names %d and %d", name, code, other)
		seen[name] = code
		if name != fmt.Sprintf("error_%d", code) {
			known++
		}
	}
	assert.Equal(t, 50, known)
}

func TestErrorsQuoteTheBroker(t *testing.T) {
	assert.EqualError(t, &Error{Code: 10}, "broker answered message_too_large (10)")
	assert.EqualError(t, &Error{Code: 44, Message: "no secrets"}, "broker answered policy_violation (44): no secrets")
	assert.EqualError(t, &Error{Code: 4711}, "broker answered error_4711 (4711)")
}

func TestClassOfLooksThroughWrappedErrors(t *testing.T) {
	assert.Equal(t, Unauthorized, ClassOf(fmt.Errorf("look up topic: %w", &Error{Code: 29})))
	assert.Equal(t, Unauthorized, ClassOf(errors.Join(errors.New("cut"), &Error{Code: 29})))
	assert.Equal(t, Retry, ClassOf(errors.New("connection refused")))
}

func TestClassNames(t *testing.T) {
	assert.Equal(t, "ok", OK.String())
	assert.Equal(t, "fenced", Fenced.String())
	assert.Equal(t, "class(77)", Class(77).String())
}
