// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"math"
	"slices"
	"strings"
)

// detectors are the simple ones that ours is compared with, in the order of the table.
var detectors = [...]string{"duration z", "self-time z", "shape rarity", "fewer children"}

// moments is a running mean and variance.
type moments struct{ n, mean, squares float64 }

// z is the deviation in standard deviations, 0 while little is known.
func (m *moments) z(x float64) float64 {
	if m.n < 10 {
		return 0
	}
	return (x - m.mean) / (math.Sqrt(m.squares/m.n) + 1e-3)
}

func (m *moments) add(x float64) {
	m.n++
	d := x - m.mean
	m.mean += d / m.n
	m.squares += d * (x - m.mean)
}

// simple scores every trace by the simple detectors, learning as it goes, and returns the scores by detector.
func (d *day) simple() [len(detectors)]map[*trace]float64 {
	type known struct{ duration, self, children moments }
	operations := map[[2]string]*known{}
	shapes := map[string]float64{}
	var scores [len(detectors)]map[*trace]float64
	for i := range scores {
		scores[i] = map[*trace]float64{}
	}
	for n, t := range d.traces {
		self, children, shape := t.structure()
		best := [3]float64{math.Inf(-1), math.Inf(-1), math.Inf(-1)}
		seen := make([]*known, len(t.spans))
		for i, s := range t.spans {
			key := [2]string{s.service, s.operation}
			if operations[key] == nil {
				operations[key] = &known{}
			}
			seen[i] = operations[key]
			best[0] = max(best[0], seen[i].duration.z(logMicros(s.end-s.start)))
			best[1] = max(best[1], seen[i].self.z(logMicros(self[i])))
			best[2] = max(best[2], -seen[i].children.z(children[i]))
		}
		scores[0][t], scores[1][t], scores[3][t] = best[0], best[1], best[2]
		scores[2][t] = -math.Log((shapes[shape] + 1) / float64(n+1))
		for i, s := range t.spans {
			seen[i].duration.add(logMicros(s.end - s.start))
			seen[i].self.add(logMicros(self[i]))
			seen[i].children.add(children[i])
		}
		shapes[shape]++
	}
	return scores
}

// structure returns of each span its self time (duration without the union of its children) and the number of its
// children, and of the trace its edges as text.
func (t *trace) structure() (self []int64, children []float64, shape string) {
	places := map[[8]byte]int{}
	for i, s := range t.spans {
		places[s.id] = i
	}
	order := make([]int, len(t.spans))
	self, children = make([]int64, len(t.spans)), make([]float64, len(t.spans))
	covered := make([]int64, len(t.spans))
	for i, s := range t.spans {
		order[i], self[i], covered[i] = i, s.end-s.start, s.start
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(t.spans[a].start, t.spans[b].start) })
	edges := make([]string, 0, len(t.spans))
	for _, i := range order {
		s, above := t.spans[i], ""
		if p, known := places[s.parent]; known && p != i {
			above = t.spans[p].service + "/" + t.spans[p].operation
			children[p]++
			if from, to := max(s.start, covered[p]), min(s.end, t.spans[p].end); to > from {
				self[p] -= to - from
				covered[p] = to
			}
		}
		edges = append(edges, above+">"+s.service+"/"+s.operation)
	}
	slices.Sort(edges)
	return self, children, strings.Join(edges, "\n")
}

func logMicros(ns int64) float64 { return math.Log(float64(max(ns, 0))/1000 + 1) }
