// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Package cause joins what a process called to the request that it called for, where that is certain: a client's exchange
// without a trace context gets the server's as its parent, and a server's 5xx gets the calls within it that failed.
//
//	client's exchange, Within known --> waits, bounded --.
//	failed connection, Within known --> noted -----------+-> server's exchange --> spans with parent and links,
//	client's exchange, same trace ----> noted -----------'                         a cause for each failure
//
// What is certain is the kernel's word (Within, see bpf/cause.bpf.h), or that in the same process an exchange of the same
// trace lies within the server's in time; docs/attributes.md says the rules. What is not is left as it is, and counted.
//
// A [Correlator] belongs to one goroutine; its counters can be read by any.
package cause

import (
	"container/list"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/procinfo"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol"
)

// Failure is a call that failed within a server's exchange.
type Failure struct {
	// Local and Peer are the ends of the connection; Peer is whom was called.
	Local, Peer netip.AddrPort
	// ErrorType is the value of error.type.
	ErrorType string
	// Call says that this is about a call, not only about its connection.
	Call bool
	// Method and Status are the call's, if it came to that; else "" and 0.
	Method string
	Status uint16
	// Start and End are in Unix ns.
	Start, End int64
	// Span is that of the call; zero if there is none.
	Span protocol.Identity
}

// Settings of a Correlator. The functions are called during its methods.
type Settings struct {
	// MaxWaiting is how many calls wait for their server's exchange, and how many failures are remembered by trace.
	MaxWaiting int
	// Timeout is how long they do.
	Timeout time.Duration
	// Identify decides the ids of an exchange's span. Nil if there are no spans.
	Identify func(*protocol.Exchange) protocol.Identity
	// Placed says whether an exchange names its parent itself. Needed with Identify.
	Placed func(*protocol.Exchange) bool
	// Emit takes an exchange whose place is decided.
	Emit func(*protocol.Exchange, *procinfo.Process)
	// Tell takes a failure within a server's exchange that was answered with 5xx.
	Tell func(*protocol.Exchange, *procinfo.Process, Failure)
}

// Counts are what a [Correlator] counts.
type Counts struct {
	// Unknown counts server's exchanges with 5xx of which no cause is certain.
	Unknown atomic.Int64
	// Unplaced counts calls whose server's exchange was certain but did not come in time, or for which there was no room.
	Unplaced atomic.Int64
}

// Correlator joins calls to what they were made for. See the package comment.
type Correlator struct {
	Counts   Counts
	settings Settings
	groups   map[protocol.ID]*group
	order    list.List // of *group, by age
	waiting  int
	traces   recent
}

// group is what is known of one server's exchange before it is told.
type group struct {
	id       protocol.ID
	element  *list.Element
	since    time.Time
	held     []held
	failures []Failure
}

// held is a call that waits.
type held struct {
	x       *protocol.Exchange
	process *procinfo.Process
}

// Cancelled is the error type of a call that its process gave up.
const Cancelled = "cancelled"

// maxFailures is how many causes of one 5xx are told.
const maxFailures = 8

// New returns a Correlator for which nothing waits.
func New(settings Settings) *Correlator {
	return &Correlator{
		settings: settings, groups: make(map[protocol.ID]*group),
		traces: recent{max: settings.MaxWaiting, byKey: make(map[traceKey][]Failure)},
	}
}

// Exchange takes an exchange that is over, at the time now.
func (c *Correlator) Exchange(x *protocol.Exchange, p *procinfo.Process, now time.Time) {
	if x.Side == protocol.Server {
		c.server(x, p)
		return
	}
	c.client(x, p, now)
}

// Connection takes a connection that failed within a server's exchange.
func (c *Correlator) Connection(within protocol.ID, failure Failure, now time.Time) {
	if g := c.group(within, now); g != nil {
		g.fail(failure)
	}
}

// client takes a call.
func (c *Correlator) client(x *protocol.Exchange, p *procinfo.Process, now time.Time) {
	if x.Within == (protocol.ID{}) || c.settings.Identify == nil && !failed(x) {
		c.emit(x, p)
		if key, ok := keyOf(x, p); ok && failed(x) {
			c.traces.add(key, failureOf(x), now.Add(-c.settings.Timeout))
		}
		return
	}
	g := c.group(x.Within, now)
	switch {
	case g == nil:
		c.Counts.Unplaced.Add(1)
		c.emit(x, p)
	case c.settings.Identify == nil || c.settings.Placed(x):
		c.emit(x, p)
		if failed(x) {
			g.fail(failureOf(x))
		}
	default:
		g.held = append(g.held, held{x.Clone(), p})
		c.waiting++
	}
}

// server takes what calls were made for.
func (c *Correlator) server(x *protocol.Exchange, p *procinfo.Process) {
	g := c.groups[x.ID]
	if g == nil {
		g = &group{}
	} else {
		c.forget(g)
	}
	if c.settings.Identify != nil && (len(g.held) > 0 || x.HTTP.Status >= 500) {
		id := c.settings.Identify(x)
		x.Identity = &id
		for i := range g.held {
			g.adopt(g.held[i].x, id, c.settings.Identify)
		}
	}
	causes := c.causes(x, p, g)
	for _, cause := range causes {
		if cause.Span != (protocol.Identity{}) {
			x.Links = append(x.Links, cause.Span)
		}
	}
	c.settings.Emit(x, p)
	for _, h := range g.held {
		c.settings.Emit(h.x, h.process)
	}
	for _, cause := range causes {
		c.settings.Tell(x, p, cause)
	}
}

// causes returns what failed within x, if that was answered with 5xx.
func (c *Correlator) causes(x *protocol.Exchange, p *procinfo.Process, g *group) []Failure {
	if x.HTTP.Status < 500 {
		return nil
	}
	causes := g.failures
	if key, ok := keyOf(x, p); ok && len(causes) == 0 {
		causes = c.traces.within(key, x.Start, x.End)
	}
	if len(causes) == 0 {
		c.Counts.Unknown.Add(1)
	}
	return causes
}

// adopt makes the server's span, id, the parent of a call.
func (g *group) adopt(x *protocol.Exchange, id protocol.Identity, identify func(*protocol.Exchange) protocol.Identity) {
	own := identify(x)
	own.Trace, own.Parent, own.State, own.Flags = id.Trace, id.Span, id.State, id.Flags&^protocol.FlagsRemote
	own.Floor = id.Floor
	x.Identity = &own
	if failed(x) {
		g.fail(failureOf(x))
	}
}

// fail notes a failure. Of a call and its connection the call is told, but for the reason why the process gave it up.
func (g *group) fail(failure Failure) {
	for i := range g.failures {
		noted := &g.failures[i]
		if noted.Local != failure.Local || noted.Peer != failure.Peer || noted.Call == failure.Call {
			continue
		}
		if failure.Call {
			if noted.ErrorType == Cancelled {
				failure.ErrorType = Cancelled
			}
			*noted = failure
		}
		return
	}
	if len(g.failures) < maxFailures {
		g.failures = append(g.failures, failure)
	}
}

// emit passes on a call, with its ids decided if it failed, so that a link can name them.
func (c *Correlator) emit(x *protocol.Exchange, p *procinfo.Process) {
	if c.settings.Identify != nil && failed(x) {
		id := c.settings.Identify(x)
		x.Identity = &id
	}
	c.settings.Emit(x, p)
}

// group returns what is known of a server's exchange, nil if too much is.
func (c *Correlator) group(id protocol.ID, now time.Time) *group {
	if g := c.groups[id]; g != nil {
		if c.waiting >= c.settings.MaxWaiting {
			return nil
		}
		return g
	}
	if len(c.groups) >= c.settings.MaxWaiting {
		return nil
	}
	g := &group{id: id, since: now}
	c.groups[id] = g
	g.element = c.order.PushBack(g)
	return g
}

// forget lets go of a group.
func (c *Correlator) forget(g *group) {
	delete(c.groups, g.id)
	c.order.Remove(g.element)
	c.waiting -= len(g.held)
}

// Expire lets go of what has waited for too long at the time now.
func (c *Correlator) Expire(now time.Time) {
	for g := c.oldest(); g != nil && now.Sub(g.since) >= c.settings.Timeout; g = c.oldest() {
		c.release(g)
	}
}

// Close lets go of everything.
func (c *Correlator) Close() {
	for g := c.oldest(); g != nil; g = c.oldest() {
		c.release(g)
	}
}

// oldest returns the group that is known for the longest time; nil if there is none.
func (c *Correlator) oldest() *group {
	front := c.order.Front()
	if front == nil {
		return nil
	}
	return front.Value.(*group)
}

// release passes on what waits in a group that is given up.
func (c *Correlator) release(g *group) {
	c.forget(g)
	for _, h := range g.held {
		c.Counts.Unplaced.Add(1)
		c.settings.Emit(h.x, h.process)
	}
}
