// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package window

import "time"

// Period divides time into numbered steps, which numbers are kept for.
type Period struct {
	length time.Duration
	zone   *time.Location // nil for a sliding window
}

// Sliding is a window of the given length that ends now.
func Sliding(length time.Duration) Period { return Period{length: length} }

// Day is the calendar day of a time zone: it begins at midnight there, and may have 23 or 25 hours.
func Day(zone *time.Location) Period { return Period{length: 24 * time.Hour, zone: zone} }

// Length is the length of the window; of a calendar day, 24 hours.
func (p Period) Length() time.Duration { return p.length }

// Moment is a point in time in the steps of a Period. Steps and ticks are compared by their difference, so they may
// wrap around.
type Moment struct {
	step    uint32  // number of the step, from 1
	tick    uint32  // number of the tick; a window is `ticks` of them
	ticks   int32   // resolution, or 1 for a calendar day
	seconds uint32  // since 1970
	length  int32   // seconds of a window
	elapsed float64 // share of the step that has passed; 1 for a calendar day, which has no part in the day before
}

// resolution is the number of ticks of a sliding window: what has a time of its own expires with that precision.
const resolution = 32

// At returns the moment that is `now` after the beginning of 1970. Steps of all hosts begin at the same time.
func (p Period) At(now time.Duration) Moment {
	seconds := uint32(now / time.Second)
	if p.zone != nil {
		year, month, day := time.Unix(0, int64(now)).In(p.zone).Date()
		number := uint32(time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix()/(24*60*60)) + 1
		return Moment{step: number, tick: number, ticks: 1, seconds: seconds, length: 24 * 60 * 60, elapsed: 1}
	}
	n := now / p.length
	rest := now - n*p.length
	return Moment{
		step:    uint32(n) + 1,
		tick:    uint32(n+1)*resolution + uint32(rest*resolution/p.length),
		ticks:   resolution,
		seconds: seconds,
		length:  int32(p.length / time.Second),
		elapsed: float64(rest) / float64(p.length),
	}
}
