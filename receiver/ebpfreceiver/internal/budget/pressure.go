// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package budget

const (
	// calm is for how many steps k stays when the ring does not fill any more.
	calm = 4
	// maxCalm bounds that, where taking back was followed by a ring that filled.
	maxCalm = 256 * calm
)

// Pressure remembers how many connections have to rest because the ring filled. The programs notice that at once, and make
// more of them rest; taking it back is left to time, since a connection that has rested is worth less. The zero value has
// noticed nothing. It is used by one goroutine.
type Pressure struct {
	rest     int  // the k of 2^k connections of which one is followed; 0: all are
	chosen   int  // with what else asks for rest
	calm     int  // steps since it changed, or since the ring was rather full
	patience int  // such steps before it is taken back
	eased    bool // the last change took back
}

// Filled is what is known of the ring.
type Filled struct {
	// Rest is the k in force: more than what was chosen last if the ring has filled since then.
	Rest int
	// Still says that it is rather full.
	Still bool
}

// Step takes what is known of the ring, and the least k that anything else asks for. It returns the k to choose.
func (p *Pressure) Step(ring Filled, least int) int {
	p.calm++
	switch {
	case ring.Rest > p.chosen:
		p.raise(min(MaxRest, ring.Rest))
	case ring.Still:
		p.calm = 0
	case p.rest > 0 && p.calm >= p.patience:
		p.rest, p.calm, p.eased = p.rest-1, 0, true
	}
	p.chosen = max(p.rest, least)
	return p.chosen
}

// raise follows fewer connections, and if more were tried just before, waits longer before it tries that again.
func (p *Pressure) raise(rest int) {
	switch {
	case p.eased && p.calm <= 4*p.patience:
		p.patience = min(maxCalm, 2*p.patience)
	case p.eased || p.rest == 0:
		p.patience = calm
	}
	p.rest, p.calm, p.eased = rest, 0, false
}
