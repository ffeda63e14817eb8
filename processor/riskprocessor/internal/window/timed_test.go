// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package window

import "time"

// The tables of the tests take times instead of moments.

type timedCounter struct {
	Counter
	period Period
}

func counter(entities int) timedCounter {
	return timedCounter{NewCounter(entities, 1), Sliding(minute)}
}

func (c timedCounter) Add(key uint64, now time.Duration) (float64, Outcome) {
	return c.Counter.Add(key, c.period.At(now))
}

func (c timedCounter) Count(key uint64, now time.Duration) float64 {
	return c.Counter.Count(key, c.period.At(now))
}

type timedDistinct struct {
	Distinct
	period Period
}

func distinct(entities int) timedDistinct {
	return timedDistinct{NewDistinct(entities, 1), Sliding(minute)}
}

func (d timedDistinct) Add(key, element uint64, now time.Duration) (float64, Outcome) {
	return d.Distinct.Add(key, element, d.period.At(now))
}

func (d timedDistinct) Count(key uint64, now time.Duration) float64 {
	return d.Distinct.Count(key, d.period.At(now))
}
