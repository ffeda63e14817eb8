// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// outage is what clients see while Redis is stopped.
type outage struct {
	Answers int `json:"answers"`
	// Max and P99 are of all answers in milliseconds; wanted 80 at most.
	P99 float64 `json:"p99_ms"`
	Max float64 `json:"max_ms"`
	// DegradedAfter is the time in milliseconds until the first answer was marked, and NotMarked the number of questions
	// asked after that one whose answers were not. Healed is the time until one was not marked again, from when Redis went on.
	DegradedAfter float64 `json:"degraded_after_ms"`
	NotMarked     int     `json:"not_marked"`
	Healed        float64 `json:"healed_after_ms"`
}

// outageClients ask at the same time.
const outageClients = 16

// stopRedis stops Redis with SIGSTOP for a while, under questions.
func stopRedis(ctx context.Context, stopped time.Duration, collector, redis *process) (outage, error) {
	if err := until(ctx, collector.addr, false); err != nil {
		return outage{}, fmt.Errorf("wait for answers that are not degraded: %w", err)
	}
	if err := redis.command.Process.Signal(syscall.SIGSTOP); err != nil {
		return outage{}, fmt.Errorf("stop redis: %w", err)
	}
	start := time.Now()
	var (
		mu      sync.Mutex // guards the following
		answers []scored
		failure error
		group   sync.WaitGroup
	)
	for range outageClients {
		group.Go(func() {
			mine, err := keepAsking(ctx, collector.addr, start.Add(stopped))
			mu.Lock()
			defer mu.Unlock()
			answers = append(answers, mine...)
			if err != nil {
				failure = err
			}
		})
	}
	group.Wait()
	if failure != nil {
		return outage{}, failure
	}
	if err := redis.command.Process.Signal(syscall.SIGCONT); err != nil {
		return outage{}, fmt.Errorf("continue redis: %w", err)
	}
	healing := time.Now()
	o := summed(answers, start)
	if err := until(ctx, collector.addr, false); err != nil {
		return o, fmt.Errorf("wait for answers that are not degraded any more: %w", err)
	}
	o.Healed = ms(time.Since(healing))
	return o, nil
}

// scored is one answer.
type scored struct {
	at       time.Time // when it came
	took     time.Duration
	degraded bool
}

func summed(answers []scored, start time.Time) outage {
	o := outage{Answers: len(answers), DegradedAfter: -1}
	var marked time.Time
	slices.SortFunc(answers, func(a, b scored) int { return a.at.Compare(b.at) })
	times := make([]time.Duration, 0, len(answers))
	for _, a := range answers {
		times = append(times, a.took)
		switch {
		case a.degraded && o.DegradedAfter < 0:
			o.DegradedAfter, marked = ms(a.at.Sub(start)), a.at
		case !a.degraded && o.DegradedAfter >= 0 && a.at.Add(-a.took).After(marked):
			o.NotMarked++
		}
	}
	slices.Sort(times)
	if len(times) > 0 {
		o.P99, o.Max = ms(times[len(times)*99/100]), ms(times[len(times)-1])
	}
	return o
}

func ms(d time.Duration) float64 { return rounded(float64(d.Microseconds()) / 1000) }

// keepAsking asks one question after the other.
func keepAsking(ctx context.Context, addr string, end time.Time) (answers []scored, err error) {
	client := &http.Client{Transport: &http.Transport{}, Timeout: 10 * time.Second}
	defer client.CloseIdleConnections()
	for time.Now().Before(end) {
		a, err := askOnce(ctx, client, addr)
		if err != nil {
			return answers, err
		}
		answers = append(answers, a)
	}
	return answers, nil
}

func askOnce(ctx context.Context, client *http.Client, addr string) (scored, error) {
	start := time.Now()
	body := strings.NewReader(fmt.Sprintf(question, start.UnixMicro()/256%256, start.UnixMicro()%256))
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+addr+"/v1/score", body)
	if err != nil {
		return scored{}, fmt.Errorf("ask: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := client.Do(request)
	if err != nil {
		return scored{}, fmt.Errorf("ask: %w", err)
	}
	defer func() { _ = response.Body.Close() }() // it was read
	var answer struct {
		Score    *float64
		Degraded bool
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || answer.Score == nil {
		return scored{}, fmt.Errorf("ask: answer %s is not a score: %w", response.Status, err)
	}
	now := time.Now()
	return scored{at: now, took: now.Sub(start), degraded: answer.Degraded}, nil
}

// until asks until answers are marked as degraded, or not.
func until(ctx context.Context, addr string, degraded bool) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for {
		a, err := askOnce(ctx, client, addr)
		if err != nil {
			return err
		}
		if a.degraded == degraded {
			return nil
		}
	}
}
