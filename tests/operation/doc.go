// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Package operation tests what whoever runs the exporter sees: the component's status, errors that name the cause, and a
// queue that survives a restart.
package operation
