// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"math"
	"time"
)

const (
	// levelMemory is the time constant of a level. Faults last minutes: this one knows of a fault after some calls, and
	// of its end a minute or two later.
	levelMemory = time.Minute
	// levelPrior is the number of observations of unit variance with which the long-run variance starts.
	levelPrior = 30
	// levelHalving is the number of observations that the long-run variance remembers at full weight.
	levelHalving = 5000
	// levelClip bounds one observation, and levelOutlier, in standard deviations, what the long-run variance learns from
	// it: a fault must not teach that faults are normal.
	levelClip, levelOutlier = 4, 3
	// levelMost bounds the evidence in nats: neighbours alone are never worth more than p = 2e-9.
	levelMost = 20
)

// levels is, by channel, the recent mean of an operation's surprises, with weights that fade, measured by its own
// long-run spread. When the calls just before were odd, one more is no accident.
type levels struct {
	last            time.Duration
	weight, squares float64 // sum of the weights, and of their squares
	sums            [channels]float64
	variances       [channels]float64 // long-run sums of the squares of the mean's deviation
	observations    float64
}

// fade lets the time pass.
func (l *levels) fade(now time.Duration) {
	if now <= l.last {
		return
	}
	f := math.Exp(-float64(now-l.last) / float64(levelMemory))
	l.last = now
	l.weight *= f
	l.squares *= f * f
	for c := range l.sums {
		l.sums[c] *= f
	}
}

// add learns one observation of every channel, of mean 0 and about unit variance in normal times.
func (l *levels) add(now time.Duration, x *[channels]float64) {
	l.fade(now)
	l.weight++
	l.squares++
	l.observations++
	for c := range l.sums {
		l.sums[c] += max(-levelClip, min(levelClip, x[c]))
		square := l.sums[c] * l.sums[c] / (l.squares + 1)
		l.variances[c] += min(square, levelOutlier*levelOutlier*l.variance(channel(c)))
	}
	if l.observations > levelHalving {
		l.observations /= 2
		for c := range l.variances {
			l.variances[c] /= 2
		}
	}
}

func (l *levels) variance(c channel) float64 {
	return (l.variances[c] + levelPrior) / (l.observations + levelPrior)
}

// deviation returns how many of its standard deviations the recent mean lies above zero.
func (l *levels) deviation(c channel) float64 {
	return l.sums[c] / math.Sqrt((l.squares+1)*l.variance(c))
}
