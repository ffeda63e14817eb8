// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package learn

const (
	// outcomeSlots is how many different outcomes are counted apart.
	outcomeSlots = 32
	// outcomeHalving is how many spans are remembered at full weight.
	outcomeHalving = 20000
)

// outcomes counts which of many possible things happened: the set of a span's children, the set of a trace's
// operations. The most frequent ones have slots of their own; all others share what is left of the total.
type outcomes struct {
	keys   [outcomeSlots]uint32
	counts [outcomeSlots]float32 // 0 is a free slot
	total  float32
}

// surprise returns -ln of the probability of an outcome that is as rare as this one or rarer, half of those that are
// exactly as rare. Where most outcomes occur once, one that occurs once is no surprise.
func (o *outcomes) surprise(key uint32) float32 {
	if o.total < warm {
		return 0
	}
	own, slots := float32(0), float32(0)
	for i, n := range o.counts {
		slots += n
		if o.keys[i] == key {
			own = n
		}
	}
	rest := max(o.total-slots, 0)
	rarer := rest / 2
	if own > 0 {
		rarer = rest - own/2
		for _, n := range o.counts {
			if n <= own {
				rarer += n
			}
		}
	}
	return -ln((rarer + 0.5) / (o.total + 1))
}

// add learns an outcome. A newcomer takes the slot of one that was seen about once, else it wears the least frequent one
// down a little: what has become rare fades, what is frequent is never displaced by what occurs once.
func (o *outcomes) add(key uint32) {
	o.total++
	place, least := -1, 0
	for i, n := range o.counts {
		if n > 0 && o.keys[i] == key {
			place = i
			break
		}
		if n < o.counts[least] {
			least = i
		}
	}
	switch {
	case place >= 0:
		o.counts[place]++
	case o.counts[least] <= 1:
		o.keys[least], o.counts[least] = key, 1
	default:
		o.counts[least] -= 1.0 / outcomeSlots
	}
	if o.total > outcomeHalving {
		o.total /= 2
		for i := range o.counts {
			o.counts[i] /= 2
		}
	}
}
