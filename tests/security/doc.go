// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Package security tests how the exporter proves who it is, and that it never says more about it than it must.
package security
