// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Package logs says single events in the words of OpenTelemetry, soon after they were seen.
//
//	Batcher.Add (what happened, to whom) --> a few ms --> plog --> next consumer
//
// A log record is worth most while it is new, so a batch waits only for as long as it takes to spare the next consumer a
// call for every record. How many records may wait while the next consumer is busy is bounded; what comes in addition is
// dropped and counted.
//
// A [Batcher] is safe for concurrent use; Run is to be called once.
package logs
