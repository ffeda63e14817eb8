// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskprocessor

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/feature"
)

// entities are the entities of a configuration. Only those that a feature uses are looked for.
type entities struct {
	reader     *feature.Reader
	identities map[string]feature.Identity
	places     map[string]int // of those in use
}

func newEntities(reader *feature.Reader, configured map[string]EntityConfig) (*entities, error) {
	var errs []error
	e := &entities{reader: reader, identities: map[string]feature.Identity{}, places: map[string]int{}}
	for _, name := range slices.Sorted(maps.Keys(configured)) {
		c := configured[name]
		id, err := c.identity("entities::" + name)
		errs = append(errs, err)
		if len(c.From)+len(c.AllOf) > 0 {
			e.identities[name] = id
		}
	}
	return e, errors.Join(errs...)
}

// identity translates the entity.
func (c *EntityConfig) identity(key string) (feature.Identity, error) {
	id := feature.Identity{IPv4Prefix: c.IPv4Prefix, IPv6Prefix: c.IPv6Prefix}
	var errs []error
	keys, field := c.From, "from"
	if len(c.AllOf) > 0 {
		keys, field, id.All = c.AllOf, "all_of", true
		if len(c.From) > 0 {
			errs = append(errs, fmt.Errorf("%s: must have from or all_of, found both", key))
		}
	}
	for i, text := range keys {
		source, err := feature.ParseSource(text)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s::%s::%d: %q: %w", key, field, i, text, err))
			continue
		}
		id.Sources = append(id.Sources, source)
	}
	if c.IPv4Prefix < 0 || c.IPv4Prefix > 32 {
		errs = append(errs, fmt.Errorf("%s::ipv4_prefix: must be from 0 to 32, found %d", key, c.IPv4Prefix))
	}
	if c.IPv6Prefix < 0 || c.IPv6Prefix > 128 {
		errs = append(errs, fmt.Errorf("%s::ipv6_prefix: must be from 0 to 128, found %d", key, c.IPv6Prefix))
	}
	if c.IPv4Prefix == 0 && c.IPv6Prefix > 0 {
		id.IPv4Prefix = 32
	}
	if c.IPv6Prefix == 0 && c.IPv4Prefix > 0 {
		id.IPv6Prefix = 128
	}
	return id, errors.Join(errs...)
}

// place returns the place of an entity, and whether there is one of that name.
func (e *entities) place(name string) (int, bool) {
	if place, ok := e.places[name]; ok {
		return place, true
	}
	id, ok := e.identities[name]
	if !ok {
		return 0, false
	}
	e.places[name] = e.reader.AddEntity(&id)
	return e.places[name], true
}

// names are the names of all entities, in order.
func (e *entities) names() []string { return slices.Sorted(maps.Keys(e.identities)) }

// id says how an entity is found, as a text.
func (e *entities) id(name string) string { return fmt.Sprintf("%s%v", name, e.identities[name]) }
