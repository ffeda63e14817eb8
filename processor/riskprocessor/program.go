// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskprocessor

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"

	"go.opentelemetry.io/collector/component"

	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/feature"
	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/injection"
	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/rule"
	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/score"
)

// program is a compiled configuration for one signal: everything but the tables, which cost memory.
type program struct {
	signal       rule.Signal
	reader       *feature.Reader
	entities     *entities
	features     []FeatureConfig
	specs        []feature.Spec
	whens        rule.Set // by feature; nil counts every record
	matches      rule.Set // by feature; Never, but for ratios
	ratios       bool     // whether matches must be asked
	looks        int      // place of the first learned feature, -1 when rules use none
	findings     findingFeatures
	live, shadow ruleset
}

// ruleset is a list of rules as they are evaluated together.
type ruleset struct {
	names      []string
	places     map[string]int // of the names
	conditions rule.Set
	scorer     *score.Scorer
}

// compile compiles the configuration and returns all the faults found in entities, features and rules. Validate calls
// it too, so that a configuration that cannot start is refused before anything starts.
func compile(cfg *Config, packs packs, signal rule.Signal, set component.TelemetrySettings, inspector *injection.Inspector, seed uint64) (*program, error) {
	if err := packs.tooMany(); err != nil {
		return nil, err
	}
	p := &program{signal: signal, reader: feature.NewReader(seed), looks: -1}
	var entityErr error
	p.entities, entityErr = newEntities(p.reader, cfg.Entities)
	errs := []error{entityErr, p.addLooks(cfg, packs)}
	lists := lists{}
	names := rule.Names{SQL: inspector.SQL, XSS: inspector.XSS, Suspicious: inspector.Suspicious}
	for packs, rules := range packs.inOrder(&p.live, &p.shadow) { // what is tried out can use what is live
		errs = append(errs, lists.add(packs))
		names.Features, names.Lists = nil, lists.tests() // a feature cannot depend on another one
		whens, err := newCompilers(signal, set, p.reader, names)
		if err != nil {
			return nil, err
		}
		errs = append(errs, p.addFeatures(packs, whens, cfg.Limits.MaxEntities))
		names.Features = p.places()
		conditions, err := newCompilers(signal, set, p.reader, names)
		if err != nil {
			return nil, err
		}
		errs = append(errs, rules.compile(packs, conditions))
		if rules == &p.live {
			errs = append(errs, p.findings.compile(&cfg.CRS, whens))
		}
	}
	if cfg.CRS.Extension != nil {
		p.addFindings(packs.live)
	}
	return p, errors.Join(errs...)
}

// places are the places of the features by name.
func (p *program) places() map[string]int {
	places := make(map[string]int, len(p.features))
	for i := range p.features {
		places[p.features[i].Name] = i
	}
	return places
}

func (p *program) addFeatures(packs []pack, compilers compilers, capacity int) error {
	var errs []error
	for _, pack := range packs {
		for i := range pack.Features {
			f := &pack.Features[i]
			key := pack.key + at("features", i, f.Name)
			if place, twice := p.places()[f.Name]; twice {
				if !reflect.DeepEqual(*f, p.features[place]) || pack.key == "" {
					errs = append(errs, fmt.Errorf("%s::name: must be unique, found %q twice", key, f.Name))
				}
				continue
			}
			errs = append(errs, p.addFeature(key, f, compilers, capacity))
		}
	}
	return errors.Join(errs...)
}

func (p *program) addFeature(key string, f *FeatureConfig, compilers compilers, capacity int) error {
	spec, err := f.spec(key, p.entities, p.reader)
	spec.Entities = capacity
	errs := []error{err}
	var when *rule.Condition
	if f.When != "" {
		if when, err = compilers.compile(f.When); err != nil {
			errs = append(errs, fmt.Errorf("%s::when: %w", key, err))
		}
	}
	match := rule.Never()
	if f.Match != "" {
		p.ratios = true
		if match, err = compilers.compile(f.Match); err != nil {
			errs = append(errs, fmt.Errorf("%s::match: %w", key, err))
		}
	}
	if !f.counts([...]string{rule.Spans: signalTraces, rule.Logs: signalLogs}[p.signal]) {
		when = rule.Never()
	}
	p.features, p.specs = append(p.features, *f), append(p.specs, spec)
	p.whens, p.matches = append(p.whens, when), append(p.matches, match)
	return errors.Join(errs...)
}

// compile compiles the rules of all packs.
func (r *ruleset) compile(packs []pack, compilers compilers) error {
	var (
		errs    []error
		weights []score.Weighted
	)
	r.places = map[string]int{}
	for _, pack := range packs {
		for i := range pack.Rules {
			c := &pack.Rules[i]
			key := pack.key + at("rules", i, c.Name)
			errs = append(errs, c.validate(key))
			if _, twice := r.places[c.Name]; twice {
				errs = append(errs, fmt.Errorf("%s::name: must be unique, found %q twice", key, c.Name))
			}
			r.places[c.Name] = len(r.names)
			condition, err := compilers.compile(c.Condition)
			if err != nil {
				errs = append(errs, fmt.Errorf("%s::condition: %w", key, err))
			}
			r.names, r.conditions = append(r.names, c.Name), append(r.conditions, condition)
			weights = append(weights, score.Weighted{Weight: c.Weight, Group: c.Group})
		}
	}
	r.scorer = score.New(weights)
	return errors.Join(errs...)
}

func (c *RuleConfig) validate(key string) error {
	var errs []error
	if c.Name == "" || strings.Trim(c.Name, lowerCase+strings.ToUpper(lowerCase)+digits+"_.-") != "" {
		errs = append(errs, fmt.Errorf("%s::name: must consist of letters, digits, dots, dashes and underscores, found %q", key, c.Name))
	}
	if !(c.Weight > 0 && c.Weight <= 1) { // written so that NaN is refused, too
		errs = append(errs, fmt.Errorf("%s::weight: must be above 0 and at most 1, found %v", key, c.Weight))
	}
	return errors.Join(errs...)
}

// compilers compile conditions for the signal at hand, and tell conditions for the other one from faults.
type compilers struct {
	own, other *rule.Compiler
	logs       bool // whether own is for logs
}

func newCompilers(signal rule.Signal, set component.TelemetrySettings, slots rule.Slots, names rule.Names) (compilers, error) {
	c := compilers{logs: signal == rule.Logs}
	var err, otherErr error
	c.own, err = rule.NewCompiler(set, signal, slots, &names)
	c.other, otherErr = rule.NewCompiler(set, rule.Spans+rule.Logs-signal, slots, &names)
	return c, errors.Join(err, otherErr)
}

// logPath finds a path of the log context.
var logPath = regexp.MustCompile(`\blog\.`)

// compile compiles a condition. One that only the other signal understands never holds.
func (c compilers) compile(text string) (*rule.Condition, error) {
	condition, err := c.own.Compile(text)
	if err == nil {
		return condition, nil
	}
	_, otherErr := c.other.Compile(text)
	switch {
	case otherErr == nil:
		return rule.Never(), nil
	case c.logs != logPath.MatchString(text): // it is the other context that was meant
		return nil, otherErr
	default:
		return nil, err
	}
}
