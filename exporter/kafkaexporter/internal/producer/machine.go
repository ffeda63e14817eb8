// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package producer

import (
	"slices"
	"time"

	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/wire"
)

// effects is what the machine asks the outside world to do. None of its methods may block or call back.
type effects interface {
	Observer
	// dial connects to a node; the outcome comes back through connected.
	dial(node int32, address string)
	// send writes a flight to the node's connection; the outcome comes back through answered or closed.
	send(f *flight)
	// hangUp closes the node's connection; closed is called for it, too.
	hangUp(node int32)
	// askLayout looks up topics; the outcome comes back through laidOut.
	askLayout(topics []string)
	// askIdentity asks for a producer id; the outcome comes back through identified.
	askIdentity()
	// cut asks the owner of a batch to cut it; the outcome comes back through wasCut.
	cut(b *Batch)
	// publish makes a new layout visible to callers.
	publish(topics map[string]wire.Topic)
}

// machine decides what to send when. Every method takes the present time and must be called by one goroutine.
type machine struct {
	set Settings
	out effects
	// window is how many batches of a partition may be under way, counted from the first unresolved one.
	window int

	topics     map[string]wire.Topic // wanted topics, with what is known of them
	kept       []string              // topics that are wanted although nobody waits for them
	addresses  map[int32]string
	partitions map[partitionKey]*partition
	// order and brokers list the values of partitions and nodes, so that what the machine does is reproducible.
	order   []*partition
	nodes   map[int32]*node
	brokers []*node
	// moved is set when a partition was put on a ready list that pump may have passed already.
	moved   bool
	waiters []waiter
	// spare and relisted are memory to be used again: answered flights, and the partitions that collect lists once more.
	spare    []*flight
	relisted []*partition

	refresh   question
	refreshed time.Time
	identify  question
	identity  *identity // for partitions that need one

	// alarm is when tick has to be called at the latest; zero means never.
	alarm  time.Time
	fenced error
	ill    bool // whether Health was last called with an error
	// lacking is true if the last layout lacked something that was waited for. Until the next one nothing is well.
	lacking bool
}

// question is something asked of the cluster again and again until it is answered.
type question struct {
	wanted, asking bool
	failures       int
	notBefore      time.Time
}

// waiter is somebody who waits for a topic's layout.
type waiter struct {
	topic string
	reply chan<- error // buffered
}

func newMachine(set Settings, out effects) *machine {
	m := &machine{
		set: set, out: out, window: 1,
		topics:     make(map[string]wire.Topic),
		partitions: make(map[partitionKey]*partition),
		nodes:      make(map[int32]*node),
	}
	if set.Idempotent || set.Acks == 0 {
		// Without acknowledgements nothing is ever sent again, so nothing can overtake.
		m.window = wire.Depth
	}
	return m
}

// submit takes over the ticket's batches that it does not have yet.
func (m *machine) submit(now time.Time, t *Ticket) {
	for _, b := range t.batches {
		if b.resolved || b.queued {
			continue
		}
		if m.fenced != nil {
			m.drop(b, "fenced", m.fenced)
			continue
		}
		p := m.partition(partitionKey{b.Topic, b.Partition})
		b.keep(true)
		p.queue = append(p.queue, b)
		m.list(p)
	}
	m.pump(now)
}

// withdraw gives back the ticket's batches that were never sent.
func (m *machine) withdraw(t *Ticket) {
	for _, b := range t.batches {
		if b.queued && !b.sent {
			m.partition(partitionKey{b.Topic, b.Partition}).remove(b)
			b.keep(false)
		}
	}
}

// keep makes sure that a topic's layout gets known and stays so, although nobody waits for it.
func (m *machine) keep(now time.Time, topic string) {
	m.kept = append(m.kept, topic)
	m.want(now, topic, make(chan error, 1))
}

// want makes sure that a topic's layout gets known; reply hears when it is, or why not.
func (m *machine) want(now time.Time, topic string, reply chan<- error) {
	known, wanted := m.topics[topic]
	if len(known.Leaders) > 0 {
		reply <- nil
		return
	}
	if !wanted {
		m.topics[topic] = wire.Topic{}
	}
	m.waiters = append(m.waiters, waiter{topic, reply})
	m.refresh.wanted = true
	m.pump(now)
}

// unwant forgets somebody who no longer waits.
func (m *machine) unwant(reply chan<- error) {
	m.waiters = slices.DeleteFunc(m.waiters, func(w waiter) bool { return w.reply == reply })
	m.forget()
}

// tick does what has become due.
func (m *machine) tick(now time.Time) {
	m.alarm = time.Time{}
	if !m.refreshed.IsZero() && now.Sub(m.refreshed) >= m.set.RefreshInterval {
		m.refresh.wanted = true
	}
	m.relist()
	for _, n := range m.brokers {
		m.hangUpIdle(now, n)
	}
	m.pump(now)
}

// busy tells whether batches that were sent are unresolved.
func (m *machine) busy() bool {
	for _, p := range m.order {
		for _, b := range p.queue {
			if b.sent {
				return true
			}
		}
	}
	return false
}

// pump does everything that can be done now.
func (m *machine) pump(now time.Time) {
	for m.moved = true; m.moved; {
		m.moved = false
		for i := 0; i < len(m.brokers); i++ {
			m.pumpNode(now, m.brokers[i])
		}
	}
	m.ask(now, &m.identify, m.set.Idempotent && m.identity == nil, m.out.askIdentity)
	m.ask(now, &m.refresh, false, func() {
		topics := make([]string, 0, len(m.topics))
		for topic := range m.topics {
			topics = append(topics, topic)
		}
		m.out.askLayout(topics)
	})
	m.wakeForRefresh()
}

// wakeForRefresh sets the alarm for the next look-up that nothing has caused. While one is under way there is none: its
// outcome calls pump again. After a failure the pause counts, or the alarm would lie in the past and ring for ever.
func (m *machine) wakeForRefresh() {
	if m.refreshed.IsZero() || m.refresh.asking {
		return
	}
	due := m.refreshed.Add(m.set.RefreshInterval)
	if due.Before(m.refresh.notBefore) {
		due = m.refresh.notBefore
	}
	m.wakeAt(due)
}

// ask asks a question that is wanted, unless it is being asked or too soon after a failure.
func (m *machine) ask(now time.Time, q *question, needed bool, do func()) {
	if q.asking || !q.wanted && !needed {
		return
	}
	if now.Before(q.notBefore) {
		m.wakeAt(q.notBefore)
		return
	}
	q.asking, q.wanted = true, false
	do()
}

// wakeAt makes sure that tick is called no later than at t.
func (m *machine) wakeAt(t time.Time) {
	if m.alarm.IsZero() || t.Before(m.alarm) {
		m.alarm = t
	}
}

// partition returns the state of a partition, which is new if it was never used.
func (m *machine) partition(key partitionKey) *partition {
	p, known := m.partitions[key]
	if !known {
		p = &partition{key: key, leader: m.leader(key), round: 1}
		m.partitions[key] = p
		m.order = append(m.order, p)
		if _, wanted := m.topics[key.topic]; !wanted {
			m.topics[key.topic] = wire.Topic{}
		}
	}
	return p
}

// leader returns the node that leads a partition according to the last layout, -1 if none is known.
func (m *machine) leader(key partitionKey) int32 {
	leaders := m.topics[key.topic].Leaders
	if int(key.index) >= len(leaders) {
		return -1
	}
	leader := leaders[key.index]
	if _, known := m.addresses[leader]; !known {
		return -1
	}
	return leader
}

// drop resolves a batch that will not be delivered.
func (m *machine) drop(b *Batch, reason string, err error) {
	m.out.Dropped(b, reason)
	b.resolve(err)
}

// sick and well report changes of health, and nothing else.
func (m *machine) sick(err error) {
	m.ill = true
	m.out.Health(err)
}

func (m *machine) well() {
	if m.ill && m.fenced == nil && !m.lacking {
		m.ill = false
		m.out.Health(nil)
	}
}
