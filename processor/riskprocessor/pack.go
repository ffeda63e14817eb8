// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskprocessor

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"iter"
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
	digest       digest
}

// digest tells whether the files, or what is wrong with them, have changed.
type digest [sha256.Size]byte

// packs reads the rules files, and returns every fault found in them.
func (cfg *Config) packs() (packs, error) {
	sum := sha256.New()
	live, liveErr := readPacks(pack{"", cfg.PackConfig}, "", cfg.RulePacks, cfg.RulesFiles, sum)
	shadow, shadowErr := readPacks(pack{"shadow::", cfg.Shadow.PackConfig}, "shadow::", cfg.Shadow.RulePacks, cfg.Shadow.RulesFiles, sum)
	return packs{live, shadow, digest(sum.Sum(nil))}, errors.Join(liveErr, shadowErr)
}

// inOrder ranges over the live packs and those that are tried out, each with what its rules are compiled to.
func (p packs) inOrder(live, shadow *ruleset) iter.Seq2[[]pack, *ruleset] {
	return func(yield func([]pack, *ruleset) bool) {
		_ = yield(p.live, live) && yield(p.shadow, shadow)
	}
}

// tooMany reports more features or rules than are possible. Learned features that rules use have places, too.
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
	switch most := rule.MaxRules - len(lookNames); {
	case features > most && p.useLooks():
		errs = append(errs, fmt.Errorf("features: must be at most %d beside the %d learned ones that rules use, found %d", most, len(lookNames), features))
	case features > rule.MaxRules:
		errs = append(errs, fmt.Errorf("features: must be at most %d, found %d", rule.MaxRules, features))
	}
	return errors.Join(errs...)
}

// readPacks adds the packs that come with the processor and the files to those given inline, and to sum what the files
// say, or what is wrong with them.
func readPacks(inline pack, key string, names, files []string, sum hash.Hash) ([]pack, error) {
	read, err := addShipped([]pack{inline}, key+"rule_packs", names)
	errs := []error{err}
	for _, file := range files {
		text, err := readFile(file)
		var p pack
		if err == nil {
			p, err = parsePack(file, text)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%srules_files: %w", key, err))
			text = append(text, err.Error()...)
		}
		_, _ = fmt.Fprintf(sum, "%d %s", len(text), text) // a hash never fails
		if err == nil {
			read = append(read, p)
		}
	}
	return read, errors.Join(errs...)
}

// readFile reads a rules file of bounded size.
func readFile(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // nothing was written
	text, err := io.ReadAll(io.LimitReader(f, maxPackBytes+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxPackBytes {
		return nil, fmt.Errorf("read %q: is larger than %d bytes", file, maxPackBytes)
	}
	return text, nil
}

// parsePack parses what is called file in errors.
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
