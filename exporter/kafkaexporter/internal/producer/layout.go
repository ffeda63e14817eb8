// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package producer

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/kafkaerr"
	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/wire"
)

var errNoLeader = errors.New("no leader")

// laidOut hears the outcome of askLayout.
func (m *machine) laidOut(now time.Time, layout wire.Layout, err error) {
	m.refresh.asking = false
	m.out.Refreshed(err)
	if err != nil {
		m.postpone(now, &m.refresh)
		m.doubt()
		// Waiters are told at once: while no broker can be reached, waiting longer is their retry's business.
		m.tell(func(wire.Topic) error { return err })
		m.forget()
		m.refresh.wanted = m.waitingForLayout() || m.refreshed.IsZero()
		m.sick(err)
		m.pump(now)
		return
	}
	m.refreshed = now
	m.adopt(now, layout)
	missing := m.missing()
	if m.lacking = missing != nil; m.lacking {
		m.refresh.wanted = true
		m.postpone(now, &m.refresh)
		m.sick(missing)
	} else {
		// Answers that send us here again come in bursts, one for each batch in flight.
		m.refresh.failures = 0
		m.refresh.notBefore = now.Add(m.set.Backoff(0))
		if !m.struggling() {
			m.well()
		}
	}
	m.relist()
	m.pump(now)
}

// adopt replaces what is known about the cluster.
func (m *machine) adopt(now time.Time, layout wire.Layout) {
	m.addresses = layout.Brokers
	for topic, known := range m.topics {
		found, answered := layout.Topics[topic]
		switch {
		case !answered:
		case len(found.Leaders) > 0:
			m.topics[topic] = found
		default:
			// The number of partitions stays known while a topic cannot be looked up.
			m.topics[topic] = wire.Topic{Leaders: leaderless(len(known.Leaders)), Err: found.Err}
		}
	}
	for _, p := range m.order {
		p.leader = m.leader(p.key)
	}
	m.out.publish(maps.Clone(m.topics))
	for _, p := range m.order {
		m.bury(now, p) // what is given back is planned by what was published
	}
	m.tell(func(t wire.Topic) error { return t.Err })
	m.forget()
}

// forget ends the look-ups of topics that nobody needs and that are not there. Their names may come from the data, so there can
// be any number of them.
func (m *machine) forget() {
	var needed map[string]bool
	for topic, known := range m.topics {
		if len(known.Leaders) > 0 || slices.Contains(m.kept, topic) {
			continue
		}
		if needed == nil {
			needed = m.needed()
		}
		if !needed[topic] {
			delete(m.topics, topic)
		}
	}
}

// needed returns the topics that somebody waits for, and those that were written to.
func (m *machine) needed() map[string]bool {
	needed := make(map[string]bool)
	for _, w := range m.waiters {
		needed[w.topic] = true
	}
	for _, p := range m.order {
		needed[p.key.topic] = true
	}
	return needed
}

func leaderless(count int) []int32 {
	leaders := make([]int32, count)
	for i := range leaders {
		leaders[i] = -1
	}
	return leaders
}

// tell replies to those who wait for a topic that is known now, or will not be known by waiting.
func (m *machine) tell(reason func(wire.Topic) error) {
	m.waiters = slices.DeleteFunc(m.waiters, func(w waiter) bool {
		topic := m.topics[w.topic]
		if len(topic.Leaders) > 0 {
			w.reply <- nil
			return true
		}
		err := reason(topic)
		var answer *kafkaerr.Error
		if err == nil || errors.As(err, &answer) && kafkaerr.Classify(answer.Code) == kafkaerr.Refresh {
			return false // it is being created, or will be
		}
		w.reply <- err
		return true
	})
}

// missing returns what is missing in the layout for something that waits, nil if nothing is.
func (m *machine) missing() error {
	for _, p := range m.order {
		if len(p.queue) > 0 && p.leader < 0 {
			return fmt.Errorf("produce to %s/%d: %w", p.key.topic, p.key.index, errNoLeader)
		}
	}
	for _, w := range m.waiters {
		if topic := m.topics[w.topic]; len(topic.Leaders) == 0 {
			if topic.Err != nil {
				return topic.Err
			}
			return fmt.Errorf("look up topic %q: %w", w.topic, errNoLeader)
		}
	}
	return nil
}

// waitingForLayout tells whether anybody needs the layout.
func (m *machine) waitingForLayout() bool {
	if len(m.waiters) > 0 {
		return true
	}
	for _, p := range m.order {
		if len(p.queue) > 0 {
			return true
		}
	}
	return false
}

// struggling tells whether something has failed and not succeeded since.
func (m *machine) struggling() bool {
	if m.fenced != nil || m.identify.failures > 0 {
		return true
	}
	for _, n := range m.brokers {
		if n.failures > 0 && len(n.ready) > 0 {
			return true
		}
	}
	for _, p := range m.order {
		if p.failures > 0 && len(p.queue) > 0 {
			return true
		}
	}
	return false
}

// identified hears the outcome of askIdentity.
func (m *machine) identified(now time.Time, id int64, epoch int16, err error) {
	m.identify.asking = false
	if err == nil {
		m.identify.failures = 0
		m.identity = &identity{id, epoch}
		m.out.Identified()
		if !m.refreshed.IsZero() && m.refresh.failures == 0 && !m.struggling() {
			m.well() // the layout came first, and waited for this
		}
		m.relist()
		m.pump(now)
		return
	}
	m.postpone(now, &m.identify)
	m.sick(err)
	if kafkaerr.ClassOf(err) == kafkaerr.Unauthorized {
		m.giveUpUnidentified(err)
	}
	m.pump(now)
}

// giveUpUnidentified drops what cannot be sent without an identity that nobody will give.
func (m *machine) giveUpUnidentified(err error) {
	for _, p := range m.order {
		if p.identity != nil {
			continue
		}
		for _, b := range slices.Clone(p.queue) {
			p.remove(b)
			m.drop(b, "unauthorized", err)
		}
	}
}

func (m *machine) postpone(now time.Time, q *question) {
	q.notBefore = now.Add(m.set.Backoff(q.failures))
	q.failures++
}
