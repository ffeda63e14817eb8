// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskprocessor

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/rule"
)

// worthAsking is the default condition. Cookies and referers are full of signs, user agents too: of them only what
// libinjection finds is worth it.
const worthAsking = `IsSuspicious(attributes["url.path"]) or IsSuspicious(attributes["url.query"]) or IsSuspicious(attributes["url.full"])` +
	` or IsSQLInjection(attributes["url.query"]) or IsSQLInjection(attributes["user_agent.original"]) or IsXSS(attributes["user_agent.original"])` +
	` or IsSQLInjection(attributes["http.request.header.cookie"]) or IsXSS(attributes["http.request.header.cookie"])` +
	` or IsSQLInjection(attributes["http.request.header.referer"]) or IsXSS(attributes["http.request.header.referer"])`

// keyCRSScore is what a sum of findings is of: the anomaly score.
const keyCRSScore = "crs.score"

// findingFeatures is the part of a program that has to do with findings of the Core Rule Set.
type findingFeatures struct {
	gate     rule.Set  // one condition; none when nothing is asked about
	places   []int     // features that count findings
	entities []int     // of these features, each once
	score    int       // the slot of keyCRSScore
	rules    rule.Hits // live rules that ask these features
}

// usesFeature finds the features that a condition calls.
var usesFeature = regexp.MustCompile(`\bFeature\(\s*"([^"]*)"`)

// compile compiles the condition for what is asked about. Without an extension it does not, since the condition would have
// attributes read.
func (f *findingFeatures) compile(cfg *CRSConfig, compilers compilers) error {
	if cfg.Extension == nil {
		return nil
	}
	gate, err := compilers.compile(cfg.Condition)
	if err != nil {
		return fmt.Errorf("crs::condition: %w", err)
	}
	f.gate = rule.Set{gate}
	return nil
}

// addFindings finds the features that count findings, and the live rules that use them.
func (p *program) addFindings(live []pack) {
	f := &p.findings
	f.score = p.reader.Slot(keyCRSScore)
	counting := map[string]bool{}
	for place := range p.features {
		if !p.features[place].counts(signalCRS) {
			continue
		}
		f.places = append(f.places, place)
		counting[p.features[place].Name] = true
		if e := p.specs[place].Entity; !slices.Contains(f.entities, e) {
			f.entities = append(f.entities, e)
		}
	}
	place := 0
	for _, pack := range live {
		for i := range pack.Rules {
			for _, called := range usesFeature.FindAllStringSubmatch(pack.Rules[i].Condition, -1) {
				if counting[called[1]] {
					f.rules.Add(place)
				}
			}
			place++
		}
	}
}

// findings remembers what was found in the last request of an entity, for as many entities as it has room for, the ones
// found last. It may be used by many goroutines at once.
type findings struct{ byEntity *lru.Cache[uint64, []string] }

// newFindings has room for that many entities, at least one.
func newFindings(entities int) (*findings, error) {
	byEntity, err := lru.New[uint64, []string](entities)
	return &findings{byEntity}, err
}

// note remembers reasons, which must not be written to any more. Entity 0 is nobody.
func (f *findings) note(entity uint64, reasons []string) {
	if entity != 0 {
		f.byEntity.Add(entity, reasons)
	}
}

// of returns what was noted.
func (f *findings) of(entity uint64) []string {
	reasons, _ := f.byEntity.Peek(entity) // a look is no finding
	return reasons
}

// Reasons are bounded: what is found in a request can be dozens of rules.
const (
	maxCategories    = 3
	maxRulesOfReason = 3
)

// crsCategories are the thousands of rule ids.
var crsCategories = map[int]string{
	911: "method", 913: "scanner", 920: "protocol", 921: "protocol_attack", 930: "local_files", 931: "remote_files", 932: "commands",
	933: "php", 934: "generic", 941: "scripts", 942: "sql", 943: "session_fixation", 944: "java",
}

// reasonsFor writes rules as reasons, one a category: crs.sql(942100,942190). Attacks come before faults of the protocol,
// which have lower numbers and say less.
func reasonsFor(rules []int) []string {
	sorted := slices.Clone(rules)
	slices.SortStableFunc(sorted, func(a, b int) int { return b/1000 - a/1000 })
	var reasons []string
	for len(sorted) > 0 && len(reasons) < maxCategories {
		thousand, n := sorted[0]/1000, 0
		for n < len(sorted) && sorted[n]/1000 == thousand {
			n++
		}
		reasons = append(reasons, reasonFor(thousand, sorted[:min(n, maxRulesOfReason)]))
		sorted = sorted[n:]
	}
	return reasons
}

func reasonFor(thousand int, rules []int) string {
	name, known := crsCategories[thousand]
	if !known {
		name = fmt.Sprint(thousand)
	}
	ids := strings.Trim(strings.ReplaceAll(fmt.Sprint(rules), " ", ","), "[]")
	return "crs." + name + "(" + ids + ")"
}
