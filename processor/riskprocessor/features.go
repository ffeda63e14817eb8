// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskprocessor

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // calendar days need time zones, which the smallest container images do not have

	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/feature"
	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/window"
)

// featureTypes are the types by name.
var featureTypes = func() map[string]feature.Type {
	types := map[string]feature.Type{}
	for t := range feature.Type(feature.Types) {
		types[t.String()] = t
	}
	return types
}()

// signals are what `signals` can name.
const (
	signalTraces = "traces"
	signalLogs   = "logs"
	signalCRS    = "crs" // findings of the Core Rule Set
)

// spec translates the feature, and returns every fault found in it.
func (f *FeatureConfig) spec(key string, entities *entities, slots *feature.Reader) (feature.Spec, error) {
	spec := feature.Spec{OfEntity: -1, OfSlot: -1, AtLeast: float64(f.AtLeast), WarmUp: f.WarmUp}
	errs := []error{f.validateName(key), f.validateOptions(key)}
	typ, known := featureTypes[f.Type]
	if !known {
		errs = append(errs, fmt.Errorf("%s::type: must be rate, count, sum, distinct, ratio or first_seen, found %q", key, f.Type))
	}
	spec.Type = typ
	place, known := entities.place(f.Entity)
	if !known {
		errs = append(errs, fmt.Errorf("%s::entity: %q is not one of the entities %q", key, f.Entity, entities.names()))
	}
	spec.Entity = place
	errs = append(errs, f.of(key, &spec, entities, slots), f.period(key, &spec))
	spec.ID = fmt.Sprintf("%s of %s, %s, when %s, match %s, window %v %s, signals %q",
		f.Type, entities.id(f.Entity), f.target(entities), f.When, f.Match, f.Window, f.CalendarDay, f.Signals)
	return spec, errors.Join(errs...)
}

// target says what the feature looks at besides the entity, as a text.
func (f *FeatureConfig) target(entities *entities) string {
	if _, isEntity := entities.identities[f.Of]; isEntity && f.Type != "sum" {
		return entities.id(f.Of)
	}
	return fmt.Sprintf("attribute %q", f.Of)
}

func (f *FeatureConfig) validateName(key string) error {
	if f.Name == "" || strings.Trim(f.Name, lowerCase+digits+"_") != "" {
		return fmt.Errorf("%s::name: must consist of lower case letters, digits and underscores, found %q", key, f.Name)
	}
	return nil
}

// validateOptions checks the settings that only some types have.
func (f *FeatureConfig) validateOptions(key string) error {
	var errs []error
	if f.Type == "ratio" && f.Match == "" {
		errs = append(errs, fmt.Errorf("%s::match: must be the condition of a ratio, found %q", key, f.Match))
	}
	if f.Type != "ratio" && f.Match != "" {
		errs = append(errs, fmt.Errorf("%s::match: is for ratio features only, found %q", key, f.Match))
	}
	if f.AtLeast < 0 || f.AtLeast > 0 && f.Type != "ratio" {
		errs = append(errs, fmt.Errorf("%s::at_least: is for ratio features only, and not negative, found %d", key, f.AtLeast))
	}
	if f.WarmUp < 0 || f.WarmUp > 0 && f.Type != "first_seen" {
		errs = append(errs, fmt.Errorf("%s::warm_up: is for first_seen features only, and not negative, found %v", key, f.WarmUp))
	}
	for _, s := range f.Signals {
		if s != signalTraces && s != signalLogs && s != signalCRS {
			errs = append(errs, fmt.Errorf("%s::signals: must be %s, %s or %s, found %q", key, signalTraces, signalLogs, signalCRS, s))
		}
	}
	if slices.Contains(f.Signals, signalCRS) {
		errs = append(errs, f.validateCRS(key))
	}
	return errors.Join(errs...)
}

// validateCRS checks a feature that counts findings, of which nothing is known but a score.
func (f *FeatureConfig) validateCRS(key string) error {
	var errs []error
	if len(f.Signals) > 1 {
		errs = append(errs, fmt.Errorf("%s::signals: must be %s alone, found %q", key, signalCRS, f.Signals))
	}
	if f.When != "" {
		errs = append(errs, fmt.Errorf("%s::when: is not for signals %s, found %q", key, signalCRS, f.When))
	}
	switch {
	case f.Type == "count" || f.Type == "rate":
	case f.Type != "sum":
		errs = append(errs, fmt.Errorf("%s::type: must be count, rate or sum for signals %s, found %q", key, signalCRS, f.Type))
	case f.Of != keyCRSScore:
		errs = append(errs, fmt.Errorf("%s::of: must be %s for signals %s, found %q", key, keyCRSScore, signalCRS, f.Of))
	}
	return errors.Join(errs...)
}

// of translates what the feature looks at besides the entity.
func (f *FeatureConfig) of(key string, spec *feature.Spec, entities *entities, slots *feature.Reader) error {
	switch f.Type {
	case "distinct", "first_seen":
		if place, isEntity := entities.place(f.Of); isEntity {
			spec.OfEntity = place
			return nil
		}
	case "sum":
	default:
		if f.Of != "" {
			return fmt.Errorf("%s::of: is for distinct, first_seen and sum features only, found %q", key, f.Of)
		}
		return nil
	}
	if f.Of != "" {
		spec.OfSlot = slots.Slot(f.Of)
	} else if f.Type != "first_seen" {
		return fmt.Errorf("%s::of: must name what a %s feature looks at, found %q", key, f.Type, f.Of)
	}
	return nil
}

// period translates the window.
func (f *FeatureConfig) period(key string, spec *feature.Spec) error {
	if f.CalendarDay != "" {
		zone, err := time.LoadLocation(f.CalendarDay)
		switch {
		case err != nil:
			return fmt.Errorf("%s::calendar_day: %w", key, err)
		case f.Window != 0:
			return fmt.Errorf("%s::window: must not be given with calendar_day, found %v", key, f.Window)
		case !slices.Contains([]string{"count", "sum", "distinct", "ratio"}, f.Type):
			return fmt.Errorf("%s::calendar_day: is for count, sum, distinct and ratio features only, found %q", key, f.CalendarDay)
		}
		spec.Period = window.Day(zone)
		return nil
	}
	longest := maxWindow
	if f.Type == "first_seen" {
		longest = maxMemory
	}
	if f.Window < minWindow || f.Window > longest {
		return fmt.Errorf("%s::window: must be from %v to %v, found %v", key, minWindow, longest, f.Window)
	}
	spec.Period = window.Sliding(f.Window)
	return nil
}

// counts says whether the feature counts records of a signal. Findings are counted only if they are named.
func (f *FeatureConfig) counts(signal string) bool {
	return len(f.Signals) == 0 && signal != signalCRS || slices.Contains(f.Signals, signal)
}
