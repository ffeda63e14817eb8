// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

//go:build race

package kafkaexporter

// underRace is true if the race detector watches.
const underRace = true
