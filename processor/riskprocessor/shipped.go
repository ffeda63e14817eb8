// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskprocessor

import (
	"embed"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
)

// shipped are the packs that come with the processor: packs/NAME.yaml, in the form of a rules file.
//
//go:embed packs/*.yaml
var shipped embed.FS

const shippedFolder = "packs"

// RulePacks returns the names that rule_packs can have, sorted.
func RulePacks() []string {
	entries, err := shipped.ReadDir(shippedFolder)
	if err != nil {
		return nil // cannot be: the folder is part of the program
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = strings.TrimSuffix(e.Name(), ".yaml")
	}
	return names
}

// addShipped adds packs by name. A fault in one of them is reported under the key, and what is wrong in this configuration
// with one, such as an entity that it needs and that was turned off, under key::name.
func addShipped(to []pack, key string, names []string) ([]pack, error) {
	var errs []error
	known := RulePacks()
	for i, name := range names {
		switch {
		case !slices.Contains(known, name):
			errs = append(errs, fmt.Errorf("%s::%d: must be one of %s, found %q", key, i, strings.Join(known, ", "), name))
			continue
		case slices.Contains(names[:i], name):
			errs = append(errs, fmt.Errorf("%s::%d: found %q twice", key, i, name))
			continue
		}
		text, err := shipped.ReadFile(path.Join(shippedFolder, name+".yaml"))
		if err == nil {
			var p pack
			if p, err = parsePack(name, text); err == nil {
				p.key = key + "::" + name + "::"
				to = append(to, p)
			}
		}
		errs = append(errs, err)
	}
	return to, errors.Join(errs...)
}
