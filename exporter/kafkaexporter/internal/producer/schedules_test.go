// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package producer

import (
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/recordbatch"
	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/wire"
)

var tell = flag.Bool("tell", false, "let FuzzSchedules tell what happens; with -run FuzzSchedules/seed#7, for example")

// FuzzSchedules lets a machine and a model of brokers meet in an order that the seed says: answers that are late or lost,
// requests that a broker finds in the socket of a dead connection, leaders that move and lack what was not committed,
// brokers that remember one batch of five, batches that are refused or too large, attempts that end and come again, in some worlds
// a partition that vanishes. Then all faults end, and every batch must be in its log once, in order, or refused and in no log.
func FuzzSchedules(f *testing.F) {
	for seed := range uint64(300) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		w := newWorld(t, seed)
		for range 600 {
			w.step()
		}
		w.calm()
		w.check()
	})
}

const (
	worldPartitions = 2
	idleTimeout     = time.Minute // much longer than all faults
)

// world is everything around a machine, see FuzzSchedules.
type world struct {
	silent
	t       *testing.T
	random  *rand.Rand
	now     time.Time
	machine *machine

	ledgers     []*ledger
	connections map[int32]*connection
	ghosts      []*connection // that were cut, and whose requests a broker may find nevertheless
	dialled     []int32
	hungUp      []int32
	asked       struct{ layout, identity bool }
	toCut       []*Batch
	nextID      int64

	tickets []*Ticket
	// arrival is the order in which batches came; pieces of a batch share its place and add to it.
	arrival map[*Batch]float64
	arrived float64
	// hopeless are refused for what is in them, large for their size; letters were cut into dead letters only.
	hopeless, large, letters map[*Batch]bool
	latest                   map[*Batch]place // of the last attempt
	vanished
}

// connection is one to a node, with the requests that the broker has not looked at, and those whose answers are on the way.
type connection struct {
	node     int32
	requests []*parcel
	answers  []*parcel
}

// parcel is a request, later with its answer.
type parcel struct {
	flight *flight
	places []place
	answer wire.Answer
}

func newWorld(t *testing.T, seed uint64) *world {
	w := &world{
		t: t, random: rand.New(rand.NewPCG(seed, 1)), now: time.Unix(1000, 0), nextID: 7,
		connections: make(map[int32]*connection), arrival: make(map[*Batch]float64),
		vanished: newVanished(seed),
		hopeless: make(map[*Batch]bool), large: make(map[*Batch]bool), letters: make(map[*Batch]bool), latest: make(map[*Batch]place),
	}
	for range worldPartitions {
		w.ledgers = append(w.ledgers, &ledger{leader: 1, memories: make(map[int64]*memory), strict: seed%2 == 0})
	}
	w.machine = newMachine(Settings{
		Idempotent: true, Acks: -1, MaxRequestBytes: 1 << 20, AckTimeout: time.Second, Patience: -1,
		RefreshInterval: 2 * idleTimeout, IdleTimeout: idleTimeout, Observer: w,
		Backoff: DefaultBackoff(func() float64 { return 0.5 }),
	}, w)
	w.machine.topics["t"] = wire.Topic{}
	return w
}

// chance is true once in so many times.
func (w *world) chance(in int) bool { return w.random.IntN(in) == 0 }

// step lets one thing happen.
func (w *world) step() {
	w.pass(time.Duration(w.random.IntN(20)) * time.Millisecond)
	node := 1 + w.random.Int32N(2)
	if w.fickle && w.chance(100) {
		w.vanish()
	}
	switch w.random.IntN(20) {
	case 0, 1, 2:
		w.submit()
	case 3, 4, 5, 6:
		w.work(w.connections[node], true)
	case 7, 8, 9, 10:
		w.reply(w.connections[node])
	case 11, 12, 13:
		w.respond(true)
	case 14:
		w.haunt()
	case 15:
		if w.chance(3) {
			w.sever(node)
		}
	case 16:
		if w.chance(4) {
			w.move(w.ledgers[w.random.IntN(worldPartitions)], node, []int{5, 1}[w.random.IntN(2)])
		}
	case 17:
		if w.chance(4) && !w.machine.busy() {
			w.pass(idleTimeout)
		}
		w.forget(w.random.IntN(worldPartitions))
	case 18:
		if len(w.tickets) > 0 {
			w.machine.withdraw(w.tickets[w.random.IntN(len(w.tickets))])
		}
	case 19:
		if len(w.tickets) > 0 {
			w.resubmit(w.tickets[w.random.IntN(len(w.tickets))])
		}
	}
}

// pass lets time pass, and the alarm ring.
func (w *world) pass(d time.Duration) {
	w.now = w.now.Add(d)
	if alarm := w.machine.alarm; !alarm.IsZero() && !alarm.After(w.now) {
		w.machine.tick(w.now)
	}
}

// submit begins a request of one to three batches for one partition.
func (w *world) submit() {
	partition := w.random.Int32N(worldPartitions)
	var batches []*Batch
	for range 1 + w.random.IntN(3) {
		b := w.newBatch(partition, 1+w.random.IntN(3))
		w.hopeless[b] = w.chance(25)
		w.large[b] = w.chance(25)
		batches = append(batches, b)
	}
	ticket := NewTicket(batches, owner{back: w.takeBack})
	w.tickets = append(w.tickets, ticket)
	w.resubmit(ticket)
}

func (w *world) newBatch(partition int32, records int) *Batch {
	none, err := recordbatch.NewCompressor(recordbatch.None, 0)
	require.NoError(w.t, err)
	bytes, _, plain, err := recordbatch.Append(nil, nil, none, 0, make([]recordbatch.Record, records))
	require.NoError(w.t, err)
	return &Batch{Topic: "t", Partition: partition, Bytes: bytes, Records: records, Plain: plain}
}

func (w *world) resubmit(t *Ticket) {
	for _, b := range t.batches {
		if !b.queued && !b.resolved {
			w.arrived++
			w.arrival[b] = w.arrived
		}
	}
	w.machine.submit(w.now, t)
}

// work lets the broker look at the first request of a connection.
func (w *world) work(c *connection, faults bool) {
	if c == nil || len(c.requests) == 0 {
		return
	}
	p := c.requests[0]
	c.requests = c.requests[1:]
	p.answer = wire.Answer{}
	for _, part := range p.places {
		code := w.result(c.node, part, faults)
		w.say("broker %d: %s is answered %d", c.node, w.nameOf(part), code)
		p.answer.Results = append(p.answer.Results, wire.PartResult{Topic: "t", Partition: part.batch.Partition, Code: code})
	}
	c.answers = append(c.answers, p)
}

// result is what becomes of one batch.
func (w *world) result(node int32, p place, faults bool) int16 {
	l := w.ledgers[p.batch.Partition]
	switch {
	case w.deleted && p.batch.Partition == fickle:
		return codeNoSuchTopic
	case l.leader != node:
		return codeNotLeader
	case faults && w.chance(10):
		return []int16{codeTooFew, codeNoSuchTopic, codeUnknownError}[w.random.IntN(3)]
	case w.hopeless[p.batch]:
		return codeInvalidRecord
	case w.large[p.batch]:
		return codeTooLarge
	}
	code, end := l.append(p)
	if code != codeOK {
		return code
	}
	if faults && w.chance(6) {
		return []int16{codeTimedOut, codeTooFewAfter, codeNotLeader, codeNoLeader, codeUnknownError}[w.random.IntN(5)]
	}
	l.committed = max(l.committed, end)
	return codeOK
}

// reply lets an answer arrive.
func (w *world) reply(c *connection) {
	if c == nil || len(c.answers) == 0 {
		return
	}
	p := c.answers[0]
	c.answers = c.answers[1:]
	for i, part := range p.places {
		w.say("answer %d: %s %d", c.node, w.nameOf(part), p.answer.Results[i].Code)
	}
	w.machine.answered(w.now, p.flight, p.answer)
}

// respond answers what the machine asked other than to send.
func (w *world) respond(faults bool) {
	fails := faults && w.chance(4)
	switch {
	case len(w.hungUp) > 0:
		node := w.hungUp[0]
		w.hungUp = w.hungUp[1:]
		w.machine.closed(w.now, node, nil)
	case len(w.dialled) > 0:
		node := w.dialled[0]
		w.dialled = w.dialled[1:]
		if fails {
			w.machine.connected(w.now, node, time.Time{}, errors.New("connection refused"))
			return
		}
		w.connections[node] = &connection{node: node}
		var expires time.Time
		if faults && w.chance(3) {
			expires = w.now.Add(100 * time.Millisecond)
		}
		w.machine.connected(w.now, node, expires, nil)
	case w.asked.identity:
		w.asked.identity = false
		if fails {
			w.machine.identified(w.now, 0, 0, errors.New("no broker can be reached"))
			return
		}
		w.nextID++
		w.machine.identified(w.now, w.nextID, 0, nil)
	case len(w.toCut) > 0:
		b := w.toCut[0]
		w.toCut = w.toCut[1:]
		w.finishCut(b)
	case w.asked.layout:
		w.asked.layout = false
		w.layOut(faults)
	}
}

func (w *world) finishCut(b *Batch) {
	var pieces []*Batch
	for n := range b.Records {
		if piece := w.newBatch(b.Partition, 1); !w.chance(8) { // or else it is a dead letter
			w.arrival[piece] = w.arrival[b] + float64(n+1)/100
			pieces = append(pieces, piece)
		}
	}
	w.letters[b] = len(pieces) == 0
	w.machine.wasCut(w.now, b, pieces, nil)
}

// layOut tells who leads, or what was true or will be.
func (w *world) layOut(faults bool) {
	if faults && w.chance(6) {
		w.machine.laidOut(w.now, wire.Layout{}, errors.New("no broker can be reached"))
		return
	}
	var leaders []int32
	for i, l := range w.ledgers {
		leader := l.leader
		if w.unlisted && i == fickle {
			break
		}
		if faults && w.chance(8) {
			leader = []int32{-1, 1, 2}[w.random.IntN(3)]
		}
		leaders = append(leaders, leader)
	}
	w.machine.laidOut(w.now, wire.Layout{
		Brokers: map[int32]string{1: "one:9092", 2: "two:9092"}, Topics: map[string]wire.Topic{"t": {Leaders: leaders}},
	}, nil)
}

// sever cuts a connection. The broker may still find what lies in its socket.
func (w *world) sever(node int32) {
	if c := w.connections[node]; c != nil {
		delete(w.connections, node)
		w.ghosts = append(w.ghosts, c)
		w.say("cut %d", node)
		w.machine.closed(w.now, node, errors.New("connection reset"))
	}
}

// haunt lets a broker look at a request of a connection that is no more.
func (w *world) haunt() {
	if len(w.ghosts) > 0 {
		w.work(w.ghosts[w.random.IntN(len(w.ghosts))], true)
	}
}

// forget lets a leader forget all that it knows of producers, unless something is in its log that the producer may send again:
// nobody could tell then. Brokers that are not strict forget only who rests, or a gap would not be noticed.
func (w *world) forget(partition int) {
	l := w.ledgers[partition]
	here := func(p place) bool { return int(p.batch.Partition) == partition }
	for _, ghost := range w.ghosts {
		for _, p := range ghost.requests {
			if slices.ContainsFunc(p.places, here) {
				return
			}
		}
	}
	for _, ticket := range w.tickets {
		for _, b := range ticket.batches {
			if int(b.Partition) == partition && b.sent && !b.resolved && (l.holds(b) || !l.strict) {
				return
			}
		}
	}
	if p := w.machine.partition(partitionKey{"t", int32(partition)}); !l.strict && w.now.Sub(p.landed) < idleTimeout {
		return
	}
	clear(l.memories)
	l.forgotten = len(l.log)
	w.say("partition %d: everything is forgotten", partition)
}

func (w *world) move(l *ledger, node int32, remembered int) {
	before := len(l.log)
	l.move(w.random, node, remembered)
	w.say("partition %d moves to %d, %d of %d batches are there", slices.Index(w.ledgers, l), node, len(l.log), before)
}

func (w *world) nameOf(p place) string {
	return fmt.Sprintf("%v/%d as %d.%d:%d-%d", w.arrival[p.batch], p.batch.Partition, p.id, p.epoch, p.first, p.last)
}

// say tells what happens, to whom asks for it.
func (w *world) say(format string, args ...any) {
	if *tell {
		w.t.Logf("%s "+format, append([]any{w.now.Format("05.000")}, args...)...)
	}
}

// calm ends all faults and lets everything come to an end.
func (w *world) calm() {
	for _, ticket := range w.tickets {
		w.resubmit(ticket)
	}
	for range 5000 {
		if !slices.ContainsFunc(w.tickets, func(t *Ticket) bool { return !t.Resolved() }) {
			return
		}
		w.respond(false)
		for node := int32(1); node <= 2; node++ {
			w.work(w.connections[node], false)
			w.reply(w.connections[node])
		}
		w.pass(20 * time.Millisecond)
	}
	for _, p := range w.machine.order {
		for _, b := range p.queue {
			w.say("left: %s of a partition with renew %t, gap %d, proven %t", w.nameOf(w.latest[b]), p.renew, p.gap, p.proven)
		}
	}
	require.Fail(w.t, "batches are left whose fate never becomes known")
}

// check looks for each batch in the logs, after brokers have found everything that lies about.
func (w *world) check() {
	for _, ghost := range w.ghosts {
		for len(ghost.requests) > 0 {
			w.work(ghost, false)
		}
	}
	count := make(map[*Batch]int)
	for _, l := range slices.Concat(w.ledgers, w.graves) {
		here := make(map[*Batch]bool)
		for i, p := range l.log {
			require.False(w.t, here[p.batch] && !w.mourns(p.batch), "%v is twice in a log", p)
			here[p.batch] = true
			count[p.batch]++
			if i > 0 && !w.mourns(p.batch) {
				require.Less(w.t, w.arrival[l.log[i-1].batch], w.arrival[p.batch], "a batch has overtaken another")
			}
		}
	}
	for _, ticket := range w.tickets {
		for _, b := range ticket.batches {
			if w.excused(b, count[b]) {
				delete(count, b)
				continue
			}
			want := 1
			if b.err != nil || w.letters[b] {
				require.True(w.t, w.hopeless[b] || w.large[b], b.err)
				want = 0
			}
			require.Equal(w.t, want, count[b], "%v", w.latest[b])
			delete(count, b)
		}
	}
	require.Empty(w.t, count, "batches that no ticket has")
}

// The rest is what the machine asks of its world.

func (w *world) dial(node int32, _ string)     { w.dialled = append(w.dialled, node) }
func (w *world) askLayout([]string)            { w.asked.layout = true }
func (w *world) askIdentity()                  { w.asked.identity = true }
func (w *world) cut(b *Batch)                  { w.toCut = append(w.toCut, b) }
func (w *world) publish(map[string]wire.Topic) {}

func (w *world) hangUp(node int32) {
	require.Empty(w.t, w.connections[node].requests)
	delete(w.connections, node)
	w.hungUp = append(w.hungUp, node)
}

// send notes where each batch says that it belongs. One that is in the log may not say anything else.
func (w *world) send(f *flight) {
	p := &parcel{flight: f}
	for _, b := range f.batches {
		first := int32(binary.BigEndian.Uint32(b.Bytes[53:]))
		at := place{
			batch: b, id: int64(binary.BigEndian.Uint64(b.Bytes[43:])), epoch: int16(binary.BigEndian.Uint16(b.Bytes[51:])),
			first: first, last: sequenceAfter(first, b.Records),
		}
		if before, sent := w.latest[b]; sent && !at.same(before) && !w.mourns(b) {
			require.False(w.t, w.ledgers[b.Partition].holds(b), "%v is in the log, and is numbered anew: %v", before, at)
		}
		w.latest[b] = at
		w.say("send to %d: %s", f.node, w.nameOf(at))
		p.places = append(p.places, at)
	}
	c := w.connections[f.node]
	c.requests = append(c.requests, p)
	require.LessOrEqual(w.t, len(c.requests)+len(c.answers), wire.Depth)
}

// silent is an observer that does nothing.
type silent struct{}

func (silent) Delivered(*Batch)                    {}
func (silent) Retried(*Batch, string)              {}
func (silent) Dropped(*Batch, string)              {}
func (silent) Requested(int32)                     {}
func (silent) Answered(int32, time.Duration, bool) {}
func (silent) Throttled(int32, time.Duration)      {}
func (silent) Connected(int32, error)              {}
func (silent) Disconnected(int32)                  {}
func (silent) Refreshed(error)                     {}
func (silent) Identified()                         {}
func (silent) Bumped(string)                       {}
func (silent) Health(error)                        {}
