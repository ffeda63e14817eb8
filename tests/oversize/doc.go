// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Package oversize sends what is too large for its topic: it must be cut until it fits, and what cannot be cut must be
// found in the dead-letter topic, or counted.
package oversize
