// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskprocessor

// reloader looks at rules files again and again.
type reloader struct{}
