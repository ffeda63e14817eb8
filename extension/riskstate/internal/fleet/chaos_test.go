// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"encoding/json"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-risk/otelcol-risk/extension/riskstate/internal/redistest"
)

// chaosTime is how long each fault lasts: CHAOS_TIME, as `make chaos-redis` sets it, or a moment.
func chaosTime(t testing.TB) time.Duration {
	t.Helper()
	text := os.Getenv("CHAOS_TIME")
	if text == "" {
		return 300 * time.Millisecond
	}
	d, err := time.ParseDuration(text)
	require.NoError(t, err)
	return d
}

// traffic counts on two members until it is stopped, and measures what each Add costs the one who counts.
type traffic struct {
	members []*member
	stop    chan struct{}
	group   sync.WaitGroup

	mu    sync.Mutex // guards the following
	phase string
	costs map[string][]time.Duration
	keys  []string // phases in order
}

const trafficKeys = 300

func startTraffic(phase string, members ...*member) *traffic {
	tr := &traffic{members: members, stop: make(chan struct{}), costs: map[string][]time.Duration{}}
	tr.begin(phase)
	for place, m := range members {
		tr.group.Go(func() { tr.run(place, m) })
	}
	return tr
}

func (tr *traffic) run(place int, m *member) {
	ticker := time.NewTicker(200 * time.Microsecond)
	defer ticker.Stop()
	for n := uint64(place); ; n += 7 {
		select {
		case <-tr.stop:
			return
		case <-ticker.C:
		}
		start := time.Now()
		m.value.add(n%trafficKeys, 1)
		cost := time.Since(start)
		tr.mu.Lock()
		tr.costs[tr.phase] = append(tr.costs[tr.phase], cost)
		tr.mu.Unlock()
	}
}

// begin gives a name to what follows.
func (tr *traffic) begin(phase string) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.phase = phase
	tr.keys = append(tr.keys, phase)
}

// end stops counting and reports, as one line of JSON, the microseconds that counting took in each phase.
func (tr *traffic) end(t testing.TB) {
	t.Helper()
	close(tr.stop)
	tr.group.Wait()
	type quantiles struct {
		Adds     int
		P50, P99 float64
	}
	report := map[string]quantiles{}
	for phase, costs := range tr.costs {
		slices.Sort(costs)
		at := func(q float64) float64 { return float64(costs[int(q*float64(len(costs)-1))].Nanoseconds()) / 1000 }
		report[phase] = quantiles{len(costs), at(0.5), at(0.99)}
	}
	line, err := json.Marshal(map[string]any{"name": t.Name(), "add_us": report})
	require.NoError(t, err)
	t.Log(string(line))
}

// expected is what each key should have been counted.
func expected(members ...*member) map[uint64]int64 {
	sums := map[uint64]int64{}
	for _, m := range members {
		m.value.eachKey(func(key uint64) { sums[key] += m.value.get(key).local })
	}
	return sums
}

// countOnceMore counts each key once and waits for the totals.
func countOnceMore(t testing.TB, m *member) {
	t.Helper()
	for key := range uint64(trafficKeys) {
		m.value.add(key, 1)
	}
	eventually(t, "all is published and answered", m.value.settled)
}

// totalsAreRight lets everybody count each key once more and waits for the totals.
func totalsAreRight(t testing.TB, members ...*member) {
	t.Helper()
	for _, m := range members {
		eventually(t, "healed", func() bool { return !m.Degraded() })
	}
	for _, m := range members { // one after the other: the last is told what all have counted
		countOnceMore(t, m)
	}
	want := expected(members...)
	last := members[len(members)-1]
	for key, sum := range want {
		assert.Equal(t, sum, last.value.get(key).total, "key %d", key)
	}
	for _, m := range members {
		told := m.toldAll(t)
		assert.Zero(t, told.Expired)
		assert.Zero(t, told.Forgotten)
	}
}

// TestTotalsAreExactAfterFaults harms a single Redis in every way that does not make it forget, under traffic.
func TestTotalsAreExactAfterFaults(t *testing.T) {
	faults := map[string]struct {
		harm, heal func(*redistest.Server, *redistest.Proxy)
	}{
		"pause": {
			func(s *redistest.Server, _ *redistest.Proxy) { s.Pause() },
			func(s *redistest.Server, _ *redistest.Proxy) { s.Resume() },
		},
		"pause and reset": { // what waits in the server's buffers is applied after its connection is gone
			func(s *redistest.Server, p *redistest.Proxy) {
				s.Pause()
				<-time.After(100 * time.Millisecond)
				p.Reset()
			},
			func(s *redistest.Server, _ *redistest.Proxy) { s.Resume() },
		},
		"slow": {
			func(_ *redistest.Server, p *redistest.Proxy) { p.Slow(120 * time.Millisecond) },
			func(_ *redistest.Server, p *redistest.Proxy) { p.Slow(0) },
		},
		"reset": {
			func(_ *redistest.Server, p *redistest.Proxy) { p.Reset() },
			func(_ *redistest.Server, p *redistest.Proxy) { p.Reset() },
		},
		"lost replies": {
			func(_ *redistest.Server, p *redistest.Proxy) { p.LoseReplies(true) },
			func(_ *redistest.Server, p *redistest.Proxy) { p.LoseReplies(false); p.Reset() },
		},
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			server := redistest.Start(t)
			proxy := redistest.StartProxy(t, server.Addr())
			a := join(t, hasty(proxy.Addr()), newCounter(KindAdd), 1)
			b := join(t, hasty(proxy.Addr()), newCounter(KindAdd), 1)
			tr := startTraffic("healthy", a, b)
			<-time.After(chaosTime(t) / 2)
			tr.begin("harmed")
			fault.harm(server, proxy)
			<-time.After(chaosTime(t))
			if name != "reset" { // which may find the connection idle
				eventually(t, "the fault is felt", func() bool { return a.told().Failed+b.told().Failed > 0 })
			}
			fault.heal(server, proxy)
			tr.begin("healed")
			<-time.After(chaosTime(t) / 2)
			tr.end(t)
			totalsAreRight(t, a, b)
			t.Logf("%+v", a.told())
		})
	}
}

// TestClusterOfThree pauses one of the masters. The lanes of the others go on.
func TestClusterOfThree(t *testing.T) {
	servers := redistest.StartCluster(t, 3)
	s := hasty(servers[0].Addr(), servers[1].Addr(), servers[2].Addr())
	a := join(t, s, newCounter(KindAdd), 1)
	b := join(t, s, newCounter(KindAdd), 1)
	tr := startTraffic("healthy", a, b)
	<-time.After(chaosTime(t) / 2)
	for _, server := range servers {
		eventually(t, "every master has a share", func() bool { return server.Do("DBSIZE") != ":0" })
	}
	tr.begin("harmed")
	servers[1].Pause()
	<-time.After(chaosTime(t))
	servers[1].Resume()
	tr.begin("healed")
	<-time.After(chaosTime(t) / 2)
	tr.end(t)
	totalsAreRight(t, a, b)
}

// TestFailoverLosesOnlyWhatWasNotReplicated kills the master under traffic. What its replica had not received is gone,
// which is noticed; nothing is counted twice, and what comes after it is exact.
func TestFailoverLosesOnlyWhatWasNotReplicated(t *testing.T) {
	group := redistest.StartSentinel(t)
	s := hasty(group.Sentinel.Addr())
	s.Redis.ForceSingleClient = false
	s.Redis.Sentinel = rueidis.SentinelOption{MasterSet: redistest.MasterSet}
	a := join(t, s, newCounter(KindAdd), 1)
	b := join(t, s, newCounter(KindAdd), 1)
	tr := startTraffic("healthy", a, b)
	<-time.After(chaosTime(t) / 2)
	tr.begin("harmed")
	group.Master.Kill()
	group.Promoted(t)
	tr.begin("healed")
	<-time.After(chaosTime(t) / 2)
	tr.end(t)
	for _, m := range []*member{a, b} {
		eventually(t, "healed", func() bool { return !m.Degraded() })
	}
	countOnceMore(t, a)
	countOnceMore(t, b)
	var lost, counted int64
	before := map[uint64]int64{}
	for key, want := range expected(a, b) {
		before[key] = b.value.get(key).total
		assert.LessOrEqual(t, before[key], want, "counted twice")
		lost += want - before[key]
		counted += want
	}
	forgotten := a.toldAll(t).Forgotten + b.toldAll(t).Forgotten
	t.Logf("%d of %d were lost, of %d batches that the new master had not received", lost, counted, forgotten)
	assert.Equal(t, lost > 0, forgotten > 0, "what is lost is noticed")
	countOnceMore(t, b)
	for key, total := range before {
		assert.Equal(t, total+1, b.value.get(key).total, "key %d after the failover", key)
	}
}

// TestARedisThatForgetsIsNoticed restarts a server that keeps nothing.
func TestARedisThatForgetsIsNoticed(t *testing.T) {
	server := redistest.Start(t)
	m := join(t, settings(server.Addr()), newCounter(KindAdd), 1)
	m.value.add(1, 5)
	eventually(t, "published", func() bool { return m.value.get(1).total == 5 })
	server.Restart()
	m.value.add(1, 2)
	eventually(t, "it counts from where Redis is", func() bool { return m.value.get(1).total == 2 })
	assert.EqualValues(t, 1, m.toldAll(t).Forgotten)
}
