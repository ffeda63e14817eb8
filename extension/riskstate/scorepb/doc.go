// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Package scorepb is the gRPC side of the scoring API, generated from score.proto (make proto). Clients may import it.
package scorepb
