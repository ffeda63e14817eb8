// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package producer

import (
	"context"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/kafkaerr"
	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/recordbatch"
	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/wire"
)

var update = flag.Bool("update", false, "write what happened into the transcripts")

// TestTranscripts plays testdata/*.txt. Lines that begin with "> " tell the machine what happens, the indented lines behind
// say what it does about it:
//
//	> layout 1 1 2              brokers lead the topic's partitions 0, 1 and 2; - is no leader
//	> layout failed             nobody could be asked
//	> want u, unwant u          somebody waits for the layout of another topic, which does not exist; nobody does any more
//	> identity 7                a producer id was given out; also: identity failed, identity unauthorized
//	> identity 7 32767          the same, in an epoch other than 0
//	> submit a 0 5              batch a for partition 0 with 5 records (1 if not said), a ticket of its own
//	> resubmit a, withdraw a    a second attempt, the end of an attempt
//	> connected 1, refused 1    the outcome of dialling broker 1
//	> connected 1 10s           the same, for a session that ends after 10 s
//	> answer 1 ok timed_out     broker 1 answers its oldest request, a code for each batch
//	> throttle 1 500            as answer, all ok, and broker 1 asks for 500 ms of silence
//	> cut 1                     the connection to broker 1 ends
//	> wait 50ms                 time passes
//	> cut-into a 2 3            batch a, which is too large, is cut into pieces a/1 with 2 records and a/2 with 3
//	> pending                   lists the batches whose fate is open
//
// A batch that is sent is shown as name[producer id:sequence], or name[producer id.epoch:sequence] after epoch 0.
func TestTranscripts(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			script, err := os.ReadFile(path)
			require.NoError(t, err)
			got := play(t, string(script))
			if *update {
				require.NoError(t, os.WriteFile(path, []byte(got), 0o600))
				return
			}
			require.Equal(t, string(script), got)
		})
	}
}

// play runs the commands of a script and returns it with what happened.
func play(t *testing.T, script string) string {
	t.Helper()
	s := &stage{t: t, now: time.Unix(1000, 0), batches: make(map[string]*Batch), names: make(map[*Batch]string), flights: make(map[int32][]*flight), waiting: make(map[string]chan error)}
	set := Settings{
		Idempotent: true, Acks: -1, MaxRequestBytes: 1 << 20, AckTimeout: time.Second,
		RefreshInterval: 10 * time.Minute, IdleTimeout: 9 * time.Minute, Observer: nil,
		Backoff: DefaultBackoff(func() float64 { return 0.5 }),
	}
	for _, line := range strings.Split(script, "\n") {
		if line == "# set owner" {
			s.owner = owner{back: func(b *Batch) { s.say("give back %s", s.names[b]) }}
			fmt.Fprintln(&s.out, line)
			continue
		}
		if name, isSet := strings.CutPrefix(line, "# set "); isSet {
			s.configure(&set, name)
		}
		command, isCommand := strings.CutPrefix(line, "> ")
		switch {
		case isCommand:
			if s.machine == nil {
				s.machine = newMachine(set, s)
				s.machine.topics["t"] = wire.Topic{}
				s.machine.kept = []string{"t"}
			}
			fmt.Fprintln(&s.out, line)
			s.do(strings.Fields(command))
		case !strings.HasPrefix(line, "  "):
			fmt.Fprintln(&s.out, line)
		}
	}
	return strings.TrimRight(s.out.String(), "\n") + "\n"
}

// stage is the world around a machine: it plays the effects and remembers what the script may refer to.
type stage struct {
	t       *testing.T
	now     time.Time
	machine *machine
	out     strings.Builder
	batches map[string]*Batch
	names   map[*Batch]string
	order   []string
	flights map[int32][]*flight
	waiting map[string]chan error
	muted   bool
	owner   Owner
}

// owner is somebody who can cut batches; the script says what comes of it.
type owner struct {
	back func(*Batch) // hears of what is given back
}

func (owner) Keep(*Batch)       {}
func (owner) Drop(*Batch)       {}
func (o owner) Return(b *Batch) { o.back(b) }

func (owner) Cut(context.Context, *Batch) ([]*Batch, error) {
	return nil, errors.New("the script does it")
}

// cutInto plays the outcome of cut: pieces of a batch, each with so many records.
func (s *stage) cutInto(args []string) {
	b := s.batches[args[0]]
	var pieces []*Batch
	for i, records := range args[1:] {
		piece := s.newBatch([]string{fmt.Sprintf("%s/%d", args[0], i+1), strconv.Itoa(int(b.Partition)), records})
		pieces = append(pieces, piece)
	}
	s.machine.wasCut(s.now, b, pieces, nil)
}

func (s *stage) configure(set *Settings, name string) {
	switch name {
	case "acks 1":
		set.Idempotent, set.Acks = false, 1
	case "acks 0":
		set.Idempotent, set.Acks = false, 0
	case "patience":
		set.Patience = time.Minute
	case "long patience":
		set.Patience = 90 * time.Second
	case "patience for ever":
		set.Patience = -1
	case "small requests":
		set.MaxRequestBytes = 1
	default:
		s.t.Fatalf("unknown setting %q", name)
	}
}

func (s *stage) do(words []string) {
	s.t.Helper()
	m, args := s.machine, words[1:]
	switch words[0] {
	case "layout":
		s.layout(args)
	case "want":
		s.waiting[args[0]] = make(chan error, 1)
		m.want(s.now, args[0], s.waiting[args[0]])
	case "unwant":
		m.unwant(s.waiting[args[0]])
	case "identity":
		s.identity(args)
	case "submit":
		m.submit(s.now, s.newBatch(args).ticket)
	case "resubmit":
		m.submit(s.now, s.batches[args[0]].ticket)
	case "withdraw":
		m.withdraw(s.batches[args[0]].ticket)
	case "connected":
		m.connected(s.now, s.number(args[0]), s.expiry(args), nil)
	case "refused":
		m.connected(s.now, s.number(args[0]), time.Time{}, errors.New("connection refused"))
	case "answer", "throttle":
		s.answer(words[0], s.number(args[0]), args[1:])
	case "cut":
		node := s.number(args[0])
		s.flights[node] = nil
		m.closed(s.now, node, errors.New("connection reset"))
	case "hung-up":
		m.closed(s.now, s.number(args[0]), nil)
	case "wait":
		s.wait(args[0])
	case "cut-into":
		s.cutInto(args)
	case "pending":
		s.pending()
	default:
		s.t.Fatalf("unknown command %q", words)
	}
}

func (s *stage) layout(args []string) {
	if args[0] == "failed" {
		s.machine.laidOut(s.now, wire.Layout{}, errors.New("no broker can be reached"))
		return
	}
	layout := wire.Layout{Brokers: map[int32]string{1: "one:9092", 2: "two:9092", 3: "three:9092"}, Topics: map[string]wire.Topic{}}
	for topic := range s.machine.topics {
		layout.Topics[topic] = wire.Topic{Err: &kafkaerr.Error{Code: 3}}
	}
	if args[0] != "unknown" {
		var leaders []int32
		for _, arg := range args {
			leader := int32(-1)
			if arg != "-" {
				leader = s.number(arg)
			}
			leaders = append(leaders, leader)
		}
		layout.Topics["t"] = wire.Topic{Leaders: leaders}
	}
	s.machine.laidOut(s.now, layout, nil)
}

func (s *stage) identity(args []string) {
	switch args[0] {
	case "failed":
		s.machine.identified(s.now, 0, 0, errors.New("no broker can be reached"))
	case "unauthorized":
		s.machine.identified(s.now, 0, 0, &kafkaerr.Error{Code: 31})
	default:
		var epoch int32
		if len(args) > 1 {
			epoch = s.number(args[1])
		}
		s.machine.identified(s.now, int64(s.number(args[0])), int16(epoch), nil)
	}
}

func (s *stage) newBatch(args []string) *Batch {
	records := 1
	if len(args) > 2 {
		records = int(s.number(args[2]))
	}
	none, err := recordbatch.NewCompressor(recordbatch.None, 0)
	require.NoError(s.t, err)
	bytes, _, plain, err := recordbatch.Append(nil, nil, none, 0, make([]recordbatch.Record, records))
	require.NoError(s.t, err)
	b := &Batch{Topic: "t", Partition: s.number(args[1]), Bytes: bytes, Records: records, Plain: plain}
	NewTicket([]*Batch{b}, s.owner)
	s.batches[args[0]], s.names[b] = b, args[0]
	s.order = append(s.order, args[0])
	return b
}

// codes are the answers' short names.
var codes = map[string]int16{
	"ok": 0, "timed_out": 7, "not_leader": 6, "out_of_order": 45, "duplicate": 46, "unknown_producer": 59,
	"too_large": 10, "unknown_error": -1, "too_few_replicas": 19, "stale_epoch": 47, "not_mine": 49, "unauthorized": 29, "fenced": 90, "unknown_topic": 3,
}

func (s *stage) answer(command string, node int32, args []string) {
	require.NotEmpty(s.t, s.flights[node], "nothing is in flight to %d", node)
	f := s.flights[node][0]
	s.flights[node] = s.flights[node][1:]
	var a wire.Answer
	if command == "throttle" {
		a.ThrottleMs, args = s.number(args[0]), nil
	}
	for i, b := range f.batches {
		name := "ok"
		if i < len(args) {
			name = args[i]
		}
		code, known := codes[name]
		if name == "silence" {
			continue
		}
		require.True(s.t, known, "unknown code %q", name)
		a.Results = append(a.Results, wire.PartResult{Topic: b.Topic, Partition: b.Partition, Code: code})
	}
	s.machine.answered(s.now, f, a)
}

// wait lets time pass, calling the machine when it asked to be called.
func (s *stage) wait(arg string) {
	pause, err := time.ParseDuration(arg)
	require.NoError(s.t, err)
	end := s.now.Add(pause)
	for rings := 0; !s.machine.alarm.IsZero() && !s.machine.alarm.After(end); rings++ {
		require.Less(s.t, rings, 1000, "the alarm rings for ever")
		s.now = s.machine.alarm
		s.machine.tick(s.now)
	}
	s.now = end
}

func (s *stage) pending() {
	var open []string
	for _, name := range s.order {
		if !s.batches[name].resolved {
			open = append(open, name)
		}
	}
	s.say("pending: %s", strings.Join(open, " "))
}

func (s *stage) number(arg string) int32 {
	n, err := strconv.ParseInt(arg, 10, 32)
	require.NoError(s.t, err)
	return int32(n)
}

// expiry reads the second argument of connected, if there is one.
func (s *stage) expiry(args []string) time.Time {
	if len(args) < 2 {
		return time.Time{}
	}
	after, err := time.ParseDuration(args[1])
	require.NoError(s.t, err)
	return s.now.Add(after)
}

func (s *stage) say(format string, args ...any) { fmt.Fprintf(&s.out, "  "+format+"\n", args...) }

// The rest is what the machine asks of its world.

func (s *stage) dial(node int32, address string) { s.say("dial %d at %s", node, address) }
func (s *stage) hangUp(node int32)               { s.say("hang up %d", node) }
func (s *stage) askIdentity()                    { s.say("ask for an identity") }
func (s *stage) cut(b *Batch)                    { s.say("cut %s", s.names[b]) }
func (s *stage) publish(map[string]wire.Topic)   {}

func (s *stage) askLayout(topics []string) {
	if others := slices.DeleteFunc(topics, func(topic string) bool { return topic == "t" }); len(others) > 0 {
		slices.Sort(others)
		s.say("ask for the layout, also of %s", strings.Join(others, " "))
		return
	}
	s.say("ask for the layout")
}

func (s *stage) send(f *flight) {
	s.flights[f.node] = append(s.flights[f.node], f)
	var sent []string
	for i, b := range f.batches {
		require.Equal(s.t, b.Partition, f.request.Parts[i].Partition)
		id := strconv.FormatInt(int64(binary.BigEndian.Uint64(b.Bytes[43:])), 10)
		if epoch := int16(binary.BigEndian.Uint16(b.Bytes[51:])); epoch > 0 {
			id += "." + strconv.Itoa(int(epoch))
		}
		sequence := int32(binary.BigEndian.Uint32(b.Bytes[53:]))
		sent = append(sent, fmt.Sprintf("%s[%s:%d]", s.names[b], id, sequence))
	}
	s.say("send to %d: %s", f.node, strings.Join(sent, " "))
}

func (s *stage) Delivered(b *Batch)                  { s.say("delivered %s", s.names[b]) }
func (s *stage) Retried(b *Batch, cause string)      { s.say("again %s: %s", s.names[b], cause) }
func (s *stage) Dropped(b *Batch, reason string)     { s.say("dropped %s: %s", s.names[b], reason) }
func (s *stage) Requested(int32)                     {}
func (s *stage) Answered(int32, time.Duration, bool) {}
func (s *stage) Throttled(node int32, pause time.Duration) {
	s.say("broker %d asks for %s", node, pause)
}
func (s *stage) Connected(int32, error) {}
func (s *stage) Disconnected(int32)     {}
func (s *stage) Refreshed(error)        {}
func (s *stage) Identified()            {}
func (s *stage) Bumped(string)          { s.say("begin a new epoch") }

func (s *stage) Health(err error) {
	switch {
	case err == nil && s.muted:
		s.muted = false
		s.say("well again")
	case err != nil && !s.muted:
		s.muted = true
		s.say("unwell: %v", err)
	}
}
