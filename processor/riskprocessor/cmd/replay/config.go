// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"strings"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"

	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor"
)

// config reads the processor's configuration, adds the packs and the rules file, and makes it a dry run.
func (a *arguments) load(defaults component.Config, rules string) (*riskprocessor.Config, error) {
	cfg, ok := defaults.(*riskprocessor.Config)
	if !ok {
		return nil, fmt.Errorf("make configuration: defaults are a %T", defaults)
	}
	if a.config != "" {
		conf, err := a.section()
		if err != nil {
			return nil, err
		}
		if err := conf.Unmarshal(cfg); err != nil {
			return nil, fmt.Errorf("read %q: %w", a.config, err)
		}
	}
	if a.packs != "" {
		cfg.RulePacks = append(cfg.RulePacks, strings.Split(a.packs, ",")...)
	}
	if rules != "" {
		cfg.RulesFiles = append(cfg.RulesFiles, rules)
	}
	cfg.Sampling.DryRun = true
	cfg.WholeTraces.Enabled, cfg.State, cfg.ReloadInterval = false, nil, 0
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("use configuration: %w", err)
	}
	cfg.CRS.Extension = nil // after the check: what counts its findings stays, and finds nothing
	return cfg, nil
}

// section returns the processor's part of the file: all of it, or what is under processors::ID.
func (a *arguments) section() (*confmap.Conf, error) {
	text, err := os.ReadFile(a.config)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	retrieved, err := confmap.NewRetrievedFromYAML(text)
	if err != nil {
		return nil, fmt.Errorf("parse %q: %w", a.config, err)
	}
	conf, err := retrieved.AsConf()
	if err != nil {
		return nil, fmt.Errorf("parse %q: %w", a.config, err)
	}
	if !conf.IsSet("processors") {
		return conf, nil
	}
	processors, err := conf.Sub("processors")
	if err != nil {
		return nil, fmt.Errorf("read %q: processors: %w", a.config, err)
	}
	all := processors.ToStringMap()
	if _, found := all[a.processor]; !found {
		return nil, fmt.Errorf("read %q: there is no processor %q under processors; -processor names another one", a.config, a.processor)
	}
	section, err := processors.Sub(a.processor)
	if err != nil {
		return nil, fmt.Errorf("read %q: processors::%s: %w", a.config, a.processor, err)
	}
	return section, nil
}
