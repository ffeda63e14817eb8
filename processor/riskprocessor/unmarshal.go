// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskprocessor

import (
	"maps"

	"go.opentelemetry.io/collector/confmap"
)

// Unmarshal reads the configuration. It adds two things to what confmap does: a list is short for an entity with these
// keys, and what is not said of an entity that has a default stays as it is by default.
func (cfg *Config) Unmarshal(conf *confmap.Conf) error {
	if entities, ok := conf.Get("entities").(map[string]any); ok {
		completed := make(map[string]any, len(entities))
		for name, value := range entities {
			completed[name] = completeEntity(value, cfg.Entities[name])
		}
		if err := conf.Merge(confmap.NewFromStringMap(map[string]any{"entities": completed})); err != nil {
			return err
		}
	}
	return conf.Unmarshal(cfg)
}

// completeEntity returns what is said of an entity, with the rest from its default.
func completeEntity(said any, by EntityConfig) any {
	if list, ok := said.([]any); ok {
		said = map[string]any{"from": list}
	}
	entity, ok := said.(map[string]any)
	if !ok {
		return said // a fault, which decoding reports
	}
	entity = maps.Clone(entity)
	_, from := entity["from"]
	_, allOf := entity["all_of"]
	if !from && !allOf {
		entity["from"] = by.From
	}
	for key, value := range map[string]int{"ipv4_prefix": by.IPv4Prefix, "ipv6_prefix": by.IPv6Prefix} {
		if _, ok := entity[key]; !ok && !allOf {
			entity[key] = value
		}
	}
	return entity
}
