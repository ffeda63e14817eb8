// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Package dropin holds the exporter against contrib's kafka exporter v0.158, whose place it takes: the same configuration
// must load and mean the same, and the same input must become the same records.
package dropin
