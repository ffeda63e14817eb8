// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

//go:generate go tool -modfile=../../tools/go.mod mdatagen metadata.yaml

// Package riskprocessor scores every span and keeps what matters.
//
// One batch takes one way through the processor:
//
//	span -> entities and features -> rules -> score -> keep or sample -> risk attributes
//	        (feature, window)        (rule)   (score)  (sampler)         (annotate)
//
// State is kept between spans only per entity and feature, in tables of fixed size. No span is held back, unless whole_traces is on: a batch
// leaves in the call that brought it, so the decision is made per batch (docs/risk-model.md says what that means for
// traces that arrive in several batches).
//
// ConsumeTraces may be called from any number of goroutines at once; the batch belongs to the processor during the call.
package riskprocessor
