// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Package kafkaonce offers the exporter under the component type kafka_once, for distributions that carry contrib's
// exporter of the type kafka as well. In a configuration of ocb:
//
//	exporters:
//	  - gomod: github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter v0.1.0
//	    import: github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/kafkaonce
package kafkaonce // import "github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/kafkaonce"

import (
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/exporter"

	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter"
)

// NewFactory returns the factory of the exporter; its component type is kafka_once.
func NewFactory() exporter.Factory {
	return kafkaexporter.NewFactoryOfType(component.MustNewType("kafka_once"))
}
