// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskprocessor

import (
	"errors"
	"fmt"
	"regexp"
	"slices"

	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/feature"
	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/rule"
)

// lookNames are the features that are learned instead of configured, as rules call them.
var lookNames = [...]string{"learned.duration", "learned.self_time", "learned.missing_child", "learned.errors", "learned.shape"}

// usesLooks finds conditions that call them.
var usesLooks = regexp.MustCompile(`\bFeature\(\s*"learned\.`)

// useLooks says whether a rule of the packs asks what was learned.
func (p packs) useLooks() bool {
	return slices.ContainsFunc(slices.Concat(p.live, p.shadow), func(p pack) bool {
		return slices.ContainsFunc(p.Rules, func(r RuleConfig) bool { return usesLooks.MatchString(r.Condition) })
	})
}

// errLooksLate says that rules look at spans when they come, and what is learned at whole traces.
var errLooksLate = errors.New("learned features cannot be used with whole_traces::enabled, where rules come before anything is learned")

// addLooks adds the learned features if rules use them, and finds rules that cannot have them.
func (p *program) addLooks(cfg *Config, packs packs) error {
	used := false
	var errs []error
	for _, pack := range append(packs.live[:len(packs.live):len(packs.live)], packs.shadow...) {
		for i := range pack.Rules {
			if !usesLooks.MatchString(pack.Rules[i].Condition) {
				continue
			}
			used = true
			key := pack.key + at("rules", i, pack.Rules[i].Name)
			switch {
			case !cfg.Learned.Enabled:
				errs = append(errs, fmt.Errorf("%s::condition: learned features need learned::enabled", key))
			case cfg.WholeTraces.Enabled:
				errs = append(errs, fmt.Errorf("%s::condition: %w", key, errLooksLate))
			}
		}
	}
	if !used {
		return nil
	}
	p.looks = len(p.features)
	for _, name := range lookNames {
		p.features, p.specs = append(p.features, FeatureConfig{Name: name}), append(p.specs, feature.Spec{Type: feature.Given})
		p.whens, p.matches = append(p.whens, rule.Never()), append(p.matches, rule.Never())
	}
	return errors.Join(errs...)
}

// lookAt gives a row what was learned of the span at a place of the batch; nothing where there is nothing.
func (w *worker) lookAt(r *row, place int) {
	if w.looks < 0 {
		return
	}
	features := r.vector.Features[w.looks:][:len(lookNames)]
	clear(features)
	o := w.outliers
	if o == nil || place >= len(o.at) {
		return
	}
	l := &o.looks[o.at[place]]
	for i, p := range [...]float32{l.Duration, l.SelfTime, l.MissingChild, l.Errors, l.Shape} {
		if p > 0 {
			features[i] = feature.Value{Kind: feature.Double, Double: float64(p)}
		}
	}
}
