// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskprocessor

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/pattern"
	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/rule"
)

// places are the places in a text by name.
var places = map[string]pattern.Place{
	"":          pattern.Anywhere,
	"anywhere":  pattern.Anywhere,
	"beginning": pattern.Beginning,
	"end":       pattern.End,
	"whole":     pattern.Whole,
}

// lists are the lists of a configuration by name.
type lists map[string]list

type list struct {
	ListConfig
	matcher *pattern.Matcher
}

// add compiles the lists of the packs, and returns every fault found in them.
func (l lists) add(packs []pack) error {
	var errs []error
	for _, pack := range packs {
		for i := range pack.Lists {
			c := &pack.Lists[i]
			key := pack.key + at("lists", i, c.Name)
			if before, twice := l[c.Name]; twice {
				if pack.key == "" || !reflect.DeepEqual(before.ListConfig, *c) {
					errs = append(errs, fmt.Errorf("%s::name: must be unique, found %q twice", key, c.Name))
				}
				continue
			}
			matcher, err := c.compile(key)
			errs = append(errs, err)
			l[c.Name] = list{*c, matcher}
		}
	}
	return errors.Join(errs...)
}

func (c *ListConfig) compile(key string) (*pattern.Matcher, error) {
	var errs []error
	if c.Name == "" || strings.Trim(c.Name, lowerCase+digits+"_") != "" {
		errs = append(errs, fmt.Errorf("%s::name: must consist of lower case letters, digits and underscores, found %q", key, c.Name))
	}
	place, known := places[c.Place]
	if !known {
		errs = append(errs, fmt.Errorf("%s::place: must be anywhere, beginning, end or whole, found %q", key, c.Place))
	}
	matcher, err := pattern.New(c.Values, place, c.Decode)
	if err != nil {
		errs = append(errs, fmt.Errorf("%s::values: %w", key, err))
	}
	return matcher, errors.Join(errs...)
}

// tests are the lists as conditions call them.
func (l lists) tests() map[string]rule.TextTest {
	tests := make(map[string]rule.TextTest, len(l))
	for name, list := range l {
		test := rule.TextTest(nil) // of a list with a fault, which is reported: nothing is in it
		if list.matcher != nil {
			test = list.matcher.Match
		}
		tests[name] = test
	}
	return tests
}
