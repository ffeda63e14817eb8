// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package learn

const (
	// childSlots is how many different children an operation may have that are expected one by one.
	childSlots = 12
	// childHalving is how many spans are remembered at full weight.
	childHalving = 20000
)

// children learns which operations the spans of one operation call, and how many of the spans have each among them.
type children struct {
	operations [childSlots]uint32
	counts     [childSlots]float32 // 0 is a free slot; free ones are at the end
	total      float32
}

// surprise returns -ln of the least probable thing about a set of children: that an expected one is missing, or that
// there is one that hardly ever is. Who looks at many children finds something odd more often: the logarithm of the
// number of looks is taken off.
func (c *children) surprise(set []uint32) float32 {
	if c.total < warm {
		return 0
	}
	looks, known := len(set), 0
	least := c.total // spans as odd as this one, in the oddest respect
	for i, n := range c.counts {
		switch {
		case n == 0:
		case contains(set, c.operations[i]):
			known++
			least = min(least, n)
		default:
			looks++
			least = min(least, max(c.total-n, 0))
		}
	}
	if known < len(set) && c.counts[childSlots-1] == 0 {
		least = 0 // one that never was: all that were have slots
	}
	return max(0, -ln((least+0.5)/(c.total+1))-ln(float32(max(looks, 1))))
}

// add learns a set of children. Those that find no slot are unknown.
func (c *children) add(set []uint32) {
	c.total++
	for _, op := range set {
		for i := range c.counts {
			if c.counts[i] == 0 || c.operations[i] == op {
				c.operations[i] = op
				c.counts[i]++
				break
			}
		}
	}
	if c.total > childHalving {
		c.total /= 2
		for i := range c.counts {
			c.counts[i] /= 2
		}
	}
}

func contains(set []uint32, op uint32) bool {
	for _, o := range set {
		if o == op {
			return true
		}
	}
	return false
}
