// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"math"
	"slices"
)

// ranked is a trace's score and whether it is faulty.
type ranked struct {
	score  float64
	faulty bool
}

// auc is the area under the ROC curve: the probability that a faulty trace scores higher than a normal one, ties being
// half.
func auc(traces []ranked) float64 {
	slices.SortFunc(traces, func(a, b ranked) int {
		switch {
		case a.score < b.score:
			return -1
		case a.score > b.score:
			return 1
		default:
			return 0
		}
	})
	faulty, ranks := 0.0, 0.0
	for i := 0; i < len(traces); {
		j := i
		for j < len(traces) && traces[j].score == traces[i].score {
			j++
		}
		for _, t := range traces[i:j] {
			if t.faulty {
				faulty++
				ranks += float64(i+j+1) / 2
			}
		}
		i = j
	}
	normal := float64(len(traces)) - faulty
	return (ranks - faulty*(faulty+1)/2) / (faulty * normal)
}

// area is the AUC of the day's traces of one kind of fault against its normal ones.
func (d *day) area(kind string, score map[*trace]float64) float64 {
	var traces []ranked
	for _, t := range d.traces {
		if t.counted && (t.kind == "" || t.kind == kind) {
			traces = append(traces, ranked{score[t], t.kind == kind})
		}
	}
	return auc(traces)
}

// threshold is the score that keeps at most the given share of the day's counted traces, or of the normal ones of them.
func (d *day) threshold(share float64, normalOnly bool, score map[*trace]float64) float64 {
	var scores []float64
	for _, t := range d.traces {
		if t.counted && (!normalOnly || t.kind == "") {
			scores = append(scores, score[t])
		}
	}
	slices.Sort(scores)
	place := len(scores) - int(share*float64(len(scores)))
	for place > 0 && place < len(scores) && scores[place] == scores[place-1] {
		place++ // equal scores are kept all or none, and more than the share must not be
	}
	if place >= len(scores) {
		return math.Nextafter(scores[len(scores)-1], math.Inf(1))
	}
	return scores[place]
}

// recall is the share of the traces of one kind that are kept.
func (d *day) recall(kind string, keep func(*trace) bool) float64 {
	all, kept := 0, 0
	for _, t := range d.traces {
		if t.counted && t.kind == kind {
			all++
			if keep(t) {
				kept++
			}
		}
	}
	return float64(kept) / float64(all)
}
