// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskprocessor

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.uber.org/zap"

	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/injection"
	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/learn"
	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/rule"
	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/window"
)

const (
	minWindow = time.Second
	maxWindow = 24 * time.Hour
	maxMemory = 365 * 24 * time.Hour
	// minPercentage is the least share above zero that 56 bits of randomness can express.
	minPercentage = 100.0 / (1 << 56)
	maxEntities   = 1 << 24
	maxOperations = 1 << 20
	maxHeld       = time.Hour
	maxHeldMiB    = 1 << 20
	minInspected  = 64
	maxInspected  = 1 << 16
	lowerCase     = "abcdefghijklmnopqrstuvwxyz"
	digits        = "0123456789"
)

// Validate reports every fault of the configuration at once, each with its key and the value found. Conditions are
// compiled and rules files are read, so that a rule that cannot be evaluated is found before the Collector starts.
func (cfg *Config) Validate() error {
	packs, packErr := cfg.packs()
	_, compileErr := compile(cfg, packs, rule.Spans, component.TelemetrySettings{Logger: zap.NewNop()}, injection.New(cfg.Limits.MaxInspectedBytes), 0)
	return errors.Join(
		cfg.validateMode(),
		packErr,
		compileErr,
		cfg.validateReload(),
		cfg.Levels.validate(),
		cfg.Sampling.validate(),
		cfg.Limits.validate(),
		cfg.CRS.validate(packs),
		cfg.Learned.validate(),
		cfg.WholeTraces.validate(cfg.Mode),
	)
}

func (cfg *Config) validateMode() error {
	switch cfg.Mode {
	case ModeScoreAndSample, ModeScore:
		return nil
	default:
		return fmt.Errorf("mode: must be %s or %s, found %q", ModeScoreAndSample, ModeScore, cfg.Mode)
	}
}

func (cfg *Config) validateReload() error {
	if cfg.ReloadInterval != 0 && cfg.ReloadInterval < time.Second {
		return fmt.Errorf("reload_interval: must be 0 or at least 1s, found %v", cfg.ReloadInterval)
	}
	return nil
}

// validate checks that the levels rise within the range of a score.
func (l *LevelsConfig) validate() error {
	if !(0 < l.Medium && l.Medium < l.High && l.High < l.Critical && l.Critical <= 1) {
		return fmt.Errorf("levels: must be 0 < medium < high < critical <= 1, found medium %v, high %v, critical %v", l.Medium, l.High, l.Critical)
	}
	return nil
}

// validate checks the ranges.
func (s *SamplingConfig) validate() error {
	var errs []error
	if !(s.KeepAbove >= 0 && s.KeepAbove <= 1) {
		errs = append(errs, fmt.Errorf("sampling::keep_above: must be from 0 to 1, found %v", s.KeepAbove))
	}
	if s.Percentage != 0 && !(s.Percentage >= minPercentage && s.Percentage <= 100) || math.IsNaN(s.Percentage) {
		errs = append(errs, fmt.Errorf("sampling::percentage: must be 0 or from %.1e to 100, found %v", minPercentage, s.Percentage))
	}
	if s.RememberTraces < 0 || s.RememberTraces > maxEntities {
		errs = append(errs, fmt.Errorf("sampling::remember_traces: must be from 0 to %d, found %d", maxEntities, s.RememberTraces))
	}
	return errors.Join(errs...)
}

// validate checks the ranges.
func (l *LimitsConfig) validate() error {
	var errs []error
	if l.MaxEntities < window.MinEntities || l.MaxEntities > maxEntities {
		errs = append(errs, fmt.Errorf("limits::max_entities: must be from %d to %d, found %d", window.MinEntities, maxEntities, l.MaxEntities))
	}
	if l.MaxInspectedBytes < minInspected || l.MaxInspectedBytes > maxInspected {
		errs = append(errs, fmt.Errorf("limits::max_inspected_bytes: must be from %d to %d, found %d", minInspected, maxInspected, l.MaxInspectedBytes))
	}
	return errors.Join(errs...)
}

// validate checks the range, and that somebody finds what features are to count.
func (c *CRSConfig) validate(packs packs) error {
	var errs []error
	if c.RememberEntities < 0 || c.RememberEntities > maxEntities {
		errs = append(errs, fmt.Errorf("crs::remember_entities: must be from 0 to %d, found %d", maxEntities, c.RememberEntities))
	}
	for _, pack := range slices.Concat(packs.live, packs.shadow) {
		for i := range pack.Features {
			if f := &pack.Features[i]; f.counts(signalCRS) && c.Extension == nil {
				errs = append(errs, fmt.Errorf("%s::signals: %q needs crs::extension", pack.key+at("features", i, f.Name), signalCRS))
			}
		}
	}
	return errors.Join(errs...)
}

// validate checks the range.
func (l *LearnedConfig) validate() error {
	if l.MaxOperations < learn.MinOperations || l.MaxOperations > maxOperations {
		return fmt.Errorf("learned::max_operations: must be from %d to %d, found %d", learn.MinOperations, maxOperations, l.MaxOperations)
	}
	return nil
}

// validate checks the ranges, and that the mode is one that may hold spans.
func (c *WholeTracesConfig) validate(mode Mode) error {
	if !c.Enabled {
		return nil
	}
	var errs []error
	if mode == ModeScore {
		errs = append(errs, errors.New("whole_traces::enabled: must be false in mode score, which holds no spans"))
	}
	if c.AfterRoot < 0 || c.AfterRoot > maxHeld {
		errs = append(errs, fmt.Errorf("whole_traces::after_root: must be from 0 to %v, found %v", maxHeld, c.AfterRoot))
	}
	if c.Timeout < max(c.AfterRoot, time.Millisecond) || c.Timeout > maxHeld {
		errs = append(errs, fmt.Errorf("whole_traces::timeout: must be from after_root to %v, found %v", maxHeld, c.Timeout))
	}
	if c.MaxMemoryMiB < 1 || c.MaxMemoryMiB > maxHeldMiB {
		errs = append(errs, fmt.Errorf("whole_traces::max_memory_mib: must be from 1 to %d, found %d", maxHeldMiB, c.MaxMemoryMiB))
	}
	if c.RememberTraces < window.MinEntities || c.RememberTraces > maxEntities {
		errs = append(errs, fmt.Errorf("whole_traces::remember_traces: must be from %d to %d, found %d", window.MinEntities, maxEntities, c.RememberTraces))
	}
	if c.ShutdownTimeout < 0 {
		errs = append(errs, fmt.Errorf("whole_traces::shutdown_timeout: must not be negative, found %v", c.ShutdownTimeout))
	}
	return errors.Join(errs...)
}

// at is the key of an element of a list, by its name when it has one.
func at(list string, place int, name string) string {
	if name == "" {
		name = strconv.Itoa(place)
	}
	return list + "::" + name
}
