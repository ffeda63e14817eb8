// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"
)

// Fleet is this collector's part of a fleet. Start it once, and stop it.
type Fleet struct {
	settings Settings
	events   Events
	instance string
	now      func() time.Time

	degraded atomic.Bool
	away     atomic.Bool                    // heartbeats fail
	client   atomic.Pointer[rueidis.Client] // nil until Redis was reached once
	stop     context.CancelFunc
	done     sync.WaitGroup

	// What follows is the goroutine's own.
	lanes    [lanes]*lane
	seed     uint64
	agreed   bool // the seed is the fleet's
	members  int
	health   breaker // of heartbeats and of the first connection
	nextBeat time.Time
	faulty   bool // the last thing told to Events.Fault was an error
	flush    Flush
	round    int
	taken    int
	merged   Total
}

// New makes a fleet with the seed that it will propose.
func New(settings Settings, events Events, seed uint64) *Fleet {
	var id [8]byte
	_, _ = rand.Read(id[:]) // never fails
	f := &Fleet{settings: settings, events: events, instance: hex.EncodeToString(id[:]), now: time.Now, seed: seed, members: 1}
	for i := range f.lanes {
		f.lanes[i] = newLane(settings.Prefix, f.instance, i)
	}
	f.degraded.Store(true)
	return f
}

// Start tries to reach Redis once, so that the seed is usually known before anything is keyed by it, and then works in
// a goroutine of its own. ctx bounds that try only.
func (f *Fleet) Start(ctx context.Context) {
	f.beat(ctx)
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	f.stop = stop
	f.done.Go(func() { f.run(running) })
}

// Degraded is true while the fleet's totals cannot be had.
func (f *Fleet) Degraded() bool { return f.degraded.Load() }

// Stop flushes what it can before ctx ends, and says goodbye. It returns the number of keys whose fate is unknown.
func (f *Fleet) Stop(ctx context.Context) (unknown int64) {
	f.stop()
	f.done.Wait()
	client := f.client.Load()
	if client != nil {
		f.tick(ctx)
		f.leave(ctx, *client)
		(*client).Close()
	}
	for _, l := range f.lanes {
		for _, b := range l.queue {
			unknown += int64(len(b.items))
		}
	}
	return unknown
}

func (f *Fleet) run(ctx context.Context) {
	ticker := time.NewTicker(f.settings.FlushInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			f.tick(ctx)
		}
	}
}

// tick is one round: a sign of life if one is due, and a flush.
func (f *Fleet) tick(ctx context.Context) {
	// Half a flush early is due: the next tick would be half a flush late, or more.
	if now := f.now(); !now.Add(f.settings.FlushInterval/2).Before(f.nextBeat) && f.health.ready(now) {
		f.beat(ctx)
	}
	if client := f.client.Load(); client != nil && f.agreed {
		start := f.now()
		f.collect(start)
		f.send(ctx, *client)
		f.settle()
		if f.flush != (Flush{}) {
			f.flush.Took = f.now().Sub(start)
			f.events.Flushed(f.flush)
			f.flush = Flush{}
		}
	}
	f.assess()
}

// assess says whether totals can be had. Whoever sees that they can, again, finds that told to Events.Fault already.
func (f *Fleet) assess() {
	failing := !f.agreed || f.health.failing()
	for _, l := range f.lanes {
		failing = failing || l.breaker.failing()
	}
	if !failing && f.faulty {
		f.faulty = false
		f.events.Fault(nil)
	}
	f.degraded.Store(failing)
}

func (f *Fleet) fault(err error) {
	f.degraded.Store(true)
	if !f.faulty {
		f.faulty = true
		f.events.Fault(err)
	}
}

// connect returns the client, which is made when Redis can first be reached.
func (f *Fleet) connect() (rueidis.Client, error) {
	if client := f.client.Load(); client != nil {
		return *client, nil
	}
	client, err := rueidis.NewClient(f.settings.Redis)
	if err != nil {
		return nil, fmt.Errorf("connect to %q: %w", f.settings.Redis.InitAddress, err)
	}
	f.client.Store(&client)
	return client, nil
}

// minSilence is the least time after which a silent collector is not counted any more: a pause of its garbage collector,
// or of the network, is no reason to count the fleet anew.
const minSilence = 3 * time.Second

// beat gives a sign of life and learns who else is there, and the seed.
func (f *Fleet) beat(ctx context.Context) {
	now := f.now()
	f.nextBeat = now.Add(f.settings.Heartbeat)
	members, seed, err := f.heartbeat(ctx)
	if err != nil {
		f.health.failed(now, &f.settings)
		f.away.Store(true)
		f.fault(err)
		return
	}
	if f.health.failing() {
		for _, l := range f.lanes {
			l.breaker.closedFor = now // Redis is back: all may try
		}
	}
	f.health.succeeded()
	f.away.Store(false)
	if seed != f.seed {
		f.seed = seed
		f.events.Seed(seed)
	}
	f.agreed = true
	if members != f.members {
		f.members = members
		f.events.Members(members)
	}
}

func (f *Fleet) heartbeat(ctx context.Context) (members int, seed uint64, err error) {
	client, err := f.connect()
	if err != nil {
		return 0, 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, f.settings.Timeout)
	defer cancel()
	keys := []string{f.settings.Prefix + "{fleet}members", f.settings.Prefix + "{fleet}seed"}
	args := []string{f.instance, strconv.FormatInt(max(minSilence, 3*f.settings.Heartbeat).Milliseconds(), 10), strconv.FormatUint(f.seed, 16)}
	reply, err := heartbeatScript.Exec(ctx, client, keys, args).AsStrSlice()
	if err != nil {
		return 0, 0, fmt.Errorf("send heartbeat to Redis: %w", err)
	}
	if len(reply) != 2 {
		return 0, 0, fmt.Errorf("send heartbeat to Redis: reply %q", reply)
	}
	members, err = strconv.Atoi(reply[0])
	if err == nil {
		seed, err = strconv.ParseUint(reply[1], 16, 64)
	}
	if err != nil {
		return 0, 0, fmt.Errorf("send heartbeat to Redis: reply %q: %w", reply, err)
	}
	return members, seed, nil
}

// leave removes what says that this collector is alive, as far as it can.
func (f *Fleet) leave(ctx context.Context, client rueidis.Client) {
	ctx, cancel := context.WithTimeout(ctx, f.settings.Timeout)
	defer cancel()
	commands := rueidis.Commands{client.B().Zrem().Key(f.settings.Prefix + "{fleet}members").Member(f.instance).Build()}
	for _, l := range f.lanes {
		if l.confirmed > 0 && len(l.queue) == 0 {
			commands = append(commands, client.B().Del().Key(l.marker).Build())
		}
	}
	client.DoMulti(ctx, commands...) // what fails expires
}
