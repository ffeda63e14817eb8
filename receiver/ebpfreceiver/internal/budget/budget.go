// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Package budget decides how much is left out, so that what is measured stays within its share of the host.
//
//	share of the processors --Step--> threshold of consistent sampling, share of the connections that are followed
//
// The cost of watching has three parts: one that nothing here can change (being called for every packet, what else the
// process does), one for looking at exchanges, and one for telling of them. Telling is thinned first, since that leaves
// metrics exact: with cost = fixed + told * each, multiplying the probability by limit/cost settles where the cost is the
// limit, however large the parts are. Where the fixed part alone is more, and looking is a good part of that, connections
// rest: of 2^k one is followed. On the way back they are woken first, and then more is told.
//
//	           too much, at the floor            too much
//	thinning ------------------------> k = 1 <------------> k = 2 ...
//	         <------------------------      room for twice
//	              room for twice
//
// What nobody else wants costs nobody anything. So the limit is what its setting says as long as processors are idle, and the
// half of it where all are busy, for then the rest is taken from those who are watched.
//
// A ring that fills is faster than any measurement: there the programs themselves make connections rest, and a [Pressure] takes
// that back.
//
// A [Controller] is used by one goroutine.
package budget

import "math"

const (
	// MinProbability is told whatever it costs, if connections may not rest: below, what is left is too little to say
	// anything.
	MinProbability = 1.0 / 1024
	// Floor is told where connections may: less saves next to nothing, for most of the cost is then that of looking.
	Floor = 1.0 / 32
	// MaxRest bounds k, for the same reason as MinProbability.
	MaxRest = 10
)

const (
	// memory is the weight of what was measured before, against noise.
	memory = 0.5
	// fall and rise bound a step, because one measurement can be far off. Falling is the faster one: it protects others.
	fall, rise = 0.25, 1.25
	// settle is for how many steps k stays after a change of what is done, so that what is measured is what that made.
	settle = 3
	// worth is what looking must cost, in parts of the limit, for rest to be of use.
	worth = 1.0 / 8
	// headroom is the part of the limit that twice the connections must fit into: the rest is for noise.
	headroom = 0.8
	// strained is how busy the processors are where the limit begins to shrink, spared what is taken off where all are.
	strained, spared = 0.9, 0.5
	// maxPatience bounds for how many steps waking waits that had to be taken back before.
	maxPatience = 64 * settle
)

// Settings are what a [Controller] may do.
type Settings struct {
	// Limit is a share of the host's processors, between 0 and 1, while some of them are idle.
	Limit float64
	// Tells says that exchanges are told one by one, so that thinning them saves something.
	Tells bool
	// Rests says that connections may rest.
	Rests bool
}

// Measured is what was used since the last step, as shares of the host's processors.
type Measured struct {
	// Share is all.
	Share float64
	// Looked is how much of that looking at the exchanges that were followed has cost, at most.
	Looked float64
	// Busy is how much of the host's processors anybody has used; 0 if that is not known.
	Busy float64
}

// Choice is what to do until the next step.
type Choice struct {
	// Probability is the share of the exchanges that were looked at to tell of.
	Probability float64
	// Rest is the k of 2^k connections of which one is followed.
	Rest int
}

// Controller holds a cost to a limit.
type Controller struct {
	settings Settings
	choice   Choice
	share    float64
	looked   float64
	busy     float64
	measured bool // since the last change of what is followed, or since the floor was reached
	since    int  // steps since then
	woken    int  // steps since connections were woken
	patience int  // steps before they are
}

// New returns a controller; it begins with everything.
func New(settings Settings) *Controller {
	return &Controller{settings: settings, choice: Choice{Probability: 1}, patience: settle, woken: maxPatience}
}

// Step takes what was measured and returns what to do next.
func (c *Controller) Step(m Measured) Choice {
	c.smooth(m)
	c.since++
	c.woken++
	switch {
	case c.mustRest():
		c.rest()
	case c.choice.Rest == 0:
		c.thin()
	case c.canWake():
		c.choice.Rest--
		c.changed()
		c.woken = 0
	}
	return c.choice
}

func (c *Controller) smooth(m Measured) {
	if !c.measured {
		c.share, c.looked, c.measured = m.Share, m.Looked, true
	}
	c.share += (1 - memory) * (m.Share - c.share)
	c.looked += (1 - memory) * (m.Looked - c.looked)
	c.busy += (1 - memory) * (m.Busy - c.busy)
}

// limit is the share that may be used now.
func (c *Controller) limit() float64 { return c.limitAt(c.busy) }

// limitAt is what it is where that much of the processors is busy.
func (c *Controller) limitAt(busy float64) float64 {
	strain := max(0, busy-strained) / (1 - strained)
	return c.settings.Limit * (1 - spared*min(1, strain))
}

// floor is the least probability.
func (c *Controller) floor() float64 {
	switch {
	case !c.settings.Tells:
		return 1
	case c.settings.Rests:
		return Floor
	}
	return MinProbability
}

// thin adapts how much is told.
func (c *Controller) thin() {
	factor := rise
	if c.share > 0 {
		factor = min(rise, max(fall, c.limit()/c.share))
	}
	before := c.choice.Probability
	c.choice.Probability = min(1, max(c.floor(), before*factor))
	if c.choice.Probability <= c.floor() && before > c.floor() {
		c.changed() // what it cost until now says nothing about what it costs at the floor
	}
}

// mustRest says whether it costs too much although no less can be told. What is far too much is seen at once.
func (c *Controller) mustRest() bool {
	return c.settings.Rests && c.choice.Rest < MaxRest && c.choice.Probability <= c.floor() &&
		c.share > c.limit() && c.looked > worth*c.limit() &&
		(c.since >= settle || c.share > 2*c.limit())
}

// rest follows as few connections as are surely too many: half, or less if it costs several times too much.
func (c *Controller) rest() {
	more := min(MaxRest-c.choice.Rest, max(1, math.Ilogb(c.share/c.limit())))
	if c.woken < 4*c.patience {
		c.patience = min(maxPatience, 2*c.patience) // that was too soon
	} else {
		c.patience = settle
	}
	c.choice.Rest += more
	c.changed()
}

// canWake says whether twice as many connections would cost little enough: at most as much again, and at most what looking
// has cost.
func (c *Controller) canWake() bool {
	more := min(c.share, c.looked)
	return c.since >= c.patience && c.share+more <= headroom*c.limitAt(c.busy+more)
}

// changed begins to measure anew.
func (c *Controller) changed() { c.measured, c.since = false, 0 }

// Share is the smoothed share of the processors.
func (c *Controller) Share() float64 { return c.share }

// precision is the bits of a threshold that are used: 6 hexadecimal digits, so that it is short in every tracestate.
const precision = 24

// Threshold returns the threshold, of 2^56 random values, that keeps this share of them.
func Threshold(probability float64) uint64 {
	steps := math.Round((1 - probability) * (1 << precision))
	return uint64(max(0, min(steps, 1<<precision-1))) << (56 - precision)
}
