// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskprocessor

import (
	"errors"
	"fmt"
	"os"

	"go.opentelemetry.io/collector/confmap"

	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/rule"
)

// maxPackBytes is the size up to which a rules file is read.
const maxPackBytes = 1 << 20

// pack is a list of features and rules with the key that its faults are reported under.
type pack struct {
	key string // what stands before `features` and `rules`, with the `::`
	PackConfig
}

// packs are the rules of a configuration.
type packs struct {
	live, shadow []pack
}

// packs reads the rules files, and returns every fault found in them.
func (cfg *Config) packs() (packs, error) {
	live, liveErr := readPacks(pack{"", cfg.PackConfig}, "rules_files", cfg.RulesFiles)
	shadow, shadowErr := readPacks(pack{"shadow::", cfg.Shadow.PackConfig}, "shadow::rules_files", cfg.Shadow.RulesFiles)
	return packs{live, shadow}, errors.Join(liveErr, shadowErr)
}

// tooMany reports more features or rules than are possible.
func (p packs) tooMany() error {
	features := 0
	var errs []error
	for key, list := range map[string][]pack{"": p.live, "shadow::": p.shadow} {
		rules := 0
		for _, pack := range list {
			features += len(pack.Features)
			rules += len(pack.Rules)
		}
		if rules > rule.MaxRules {
			errs = append(errs, fmt.Errorf("%srules: must be at most %d, found %d", key, rule.MaxRules, rules))
		}
	}
	if features > rule.MaxRules {
		errs = append(errs, fmt.Errorf("features: must be at most %d, found %d", rule.MaxRules, features))
	}
	return errors.Join(errs...)
}

func readPacks(inline pack, key string, files []string) ([]pack, error) {
	var errs []error
	read := []pack{inline}
	for _, file := range files {
		p, err := readPack(file)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", key, err))
			continue
		}
		read = append(read, p)
	}
	return read, errors.Join(errs...)
}

// readPack reads one rules file.
func readPack(file string) (pack, error) {
	info, err := os.Stat(file)
	if err != nil {
		return pack{}, err
	}
	if info.Size() > maxPackBytes {
		return pack{}, fmt.Errorf("read %q: is larger than %d bytes", file, maxPackBytes)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return pack{}, err
	}
	return parsePack(file, text)
}

func parsePack(file string, text []byte) (pack, error) {
	p := pack{key: file + "::"}
	retrieved, err := confmap.NewRetrievedFromYAML(text)
	if err != nil {
		return pack{}, fmt.Errorf("parse %q: %w", file, err)
	}
	conf, err := retrieved.AsConf()
	if err != nil {
		return pack{}, fmt.Errorf("parse %q: %w", file, err)
	}
	if err := conf.Unmarshal(&p.PackConfig); err != nil {
		return pack{}, fmt.Errorf("read %q: %w", file, err)
	}
	return p, nil
}
