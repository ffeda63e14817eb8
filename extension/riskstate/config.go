// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskstate

import (
	"time"

	"go.opentelemetry.io/collector/component"
)

// Config is the configuration of the extension. The zero value of each section switches it off: state is then shared by
// the pipelines of this process, and ends with it.
type Config struct {
	// Storage is the ID of a storage extension, for example file_storage/risk, that snapshots are kept in. Empty keeps
	// none.
	Storage *component.ID `mapstructure:"storage"`

	// SnapshotInterval is the time between snapshots, of which the last one is taken at shutdown. 0 takes only that one.
	// Default 1m.
	SnapshotInterval time.Duration `mapstructure:"snapshot_interval"`

	_ struct{} // fields are set by name only
}

var _ component.Config = (*Config)(nil)

// createDefaultConfig is the one place where defaults are set.
func createDefaultConfig() component.Config {
	return &Config{
		SnapshotInterval: time.Minute,
	}
}
