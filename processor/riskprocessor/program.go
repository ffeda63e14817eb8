// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskprocessor

import (
	"errors"
	"fmt"
	"hash/maphash"
	"maps"
	"slices"

	"go.opentelemetry.io/collector/component"

	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/feature"
	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/rule"
)

// program is a compiled configuration: everything but the tables, which cost memory.
type program struct {
	reader *feature.Reader
	specs  []feature.Spec
	whens  rule.Set // by feature; nil counts every span
	rules  rule.Set
}

// compile compiles the configuration and returns all the faults found in entities, features and rules. Validate calls
// it too, so that a configuration that cannot start is refused before anything starts.
func compile(cfg *Config, set component.TelemetrySettings, seed maphash.Seed) (*program, error) {
	p := &program{reader: feature.NewReader(seed)}
	entities, entityErr := p.addEntities(cfg.Entities)
	return p, errors.Join(entityErr, p.addFeatures(cfg, set, entities), p.addRules(cfg, set))
}

// addEntities returns the place of each entity by name, in the order of names.
func (p *program) addEntities(configured map[string][]string) (map[string]int, error) {
	var errs []error
	places := map[string]int{}
	for _, name := range slices.Sorted(maps.Keys(configured)) {
		sources := make([]feature.Source, 0, len(configured[name]))
		for i, text := range configured[name] {
			source, err := feature.ParseSource(text)
			if err != nil {
				errs = append(errs, fmt.Errorf("entities::%s::%d: %q: %w", name, i, text, err))
				continue
			}
			sources = append(sources, source)
		}
		if len(configured[name]) > 0 {
			places[name] = p.reader.AddEntity(sources)
		}
	}
	return places, errors.Join(errs...)
}

func (p *program) addFeatures(cfg *Config, set component.TelemetrySettings, entities map[string]int) error {
	if len(cfg.Features) > rule.MaxRules {
		return fmt.Errorf("features: must be at most %d, found %d", rule.MaxRules, len(cfg.Features))
	}
	compiler, err := rule.NewCompiler(set, p.reader, nil) // without features: a feature cannot depend on another one
	if err != nil {
		return err
	}
	var errs []error
	for i := range cfg.Features {
		f := &cfg.Features[i]
		key := at("features", i, f.Name)
		spec, err := f.spec(key, entities, p.reader)
		errs = append(errs, err)
		spec.Entities = cfg.Limits.MaxEntities
		p.specs = append(p.specs, spec)

		var when *rule.Condition
		if f.When != "" {
			if when, err = compiler.Compile(f.When); err != nil {
				errs = append(errs, fmt.Errorf("%s::when: %w", key, err))
			}
		}
		p.whens = append(p.whens, when)
	}
	return errors.Join(errs...)
}

// spec translates the feature. What cannot be translated is left at zero and reported.
func (f *FeatureConfig) spec(key string, entities map[string]int, reader *feature.Reader) (feature.Spec, error) {
	var errs []error
	spec := feature.Spec{OfEntity: -1, Window: f.Window}
	switch f.Type {
	case "rate":
		spec.Type = feature.Rate
	case "count":
		spec.Type = feature.Count
	case "distinct":
		spec.Type = feature.Distinct
	default:
		errs = append(errs, fmt.Errorf("%s::type: must be rate, count or distinct, found %q", key, f.Type))
	}
	place, known := entities[f.Entity]
	if !known {
		errs = append(errs, fmt.Errorf("%s::entity: %q is not one of the entities %q", key, f.Entity, slices.Sorted(maps.Keys(entities))))
	}
	spec.Entity = place

	distinct := f.Type == "distinct"
	switch {
	case distinct && f.Of == "":
		errs = append(errs, fmt.Errorf("%s::of: must name what a distinct feature counts, found %q", key, f.Of))
	case !distinct && f.Of != "":
		errs = append(errs, fmt.Errorf("%s::of: is for distinct features only, found %q", key, f.Of))
	case distinct:
		if of, isEntity := entities[f.Of]; isEntity {
			spec.OfEntity = of
		} else {
			spec.OfSlot = reader.Slot(f.Of)
		}
	}
	return spec, errors.Join(errs...)
}

func (p *program) addRules(cfg *Config, set component.TelemetrySettings) error {
	if len(cfg.Rules) > rule.MaxRules {
		return fmt.Errorf("rules: must be at most %d, found %d", rule.MaxRules, len(cfg.Rules))
	}
	features := make(map[string]int, len(cfg.Features))
	for i := range cfg.Features {
		features[cfg.Features[i].Name] = i
	}
	compiler, err := rule.NewCompiler(set, p.reader, features)
	if err != nil {
		return err
	}
	var errs []error
	for i := range cfg.Rules {
		condition, err := compiler.Compile(cfg.Rules[i].Condition)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s::condition: %w", at("rules", i, cfg.Rules[i].Name), err))
		}
		p.rules = append(p.rules, condition)
	}
	return errors.Join(errs...)
}
