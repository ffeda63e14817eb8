// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Package fleet adds up numbers over many collectors through Redis or Valkey.
//
// Every flush interval the deltas of all values are collected, cut into batches and sent; the reply of each is the
// fleet's total, which the value is told. Nobody waits for Redis but the one goroutine of [Fleet], and it not longer
// than the timeout for each request.
//
//	values --Deltas--> lane 0  [batch 7]--> script --> totals --Merge--> values
//	                   lane 1  [batch 4]-->
//	                   ...
//
// A lane is a share of the keys, by hash. Its keys carry one hash tag, so in a cluster they live in one slot:
//
//	<prefix>{<lane>}a<feature, key in base64>:<step>      a sum (string)
//	<prefix>{<lane>}d<feature, key in base64>:<step>      a set of elements (HyperLogLog)
//	<prefix>{<lane>}m<instance>                           number of the last batch of that collector
//	<prefix>{fleet}seed, <prefix>{fleet}members           what keys are hashed with; who is alive, by Redis' clock
//	<prefix>{<lane>}c<sampler>:<bucket>                   a hash of contrib's CounterStore
//
// # Exactly once
//
// A batch is numbered and applied by a script, which first compares the number with the last one applied and then does
// both in one step. A batch whose reply did not come can therefore be sent again until it is answered: after a timeout,
// a reset, a pause or a failover it is applied once, even when the first copy was still waiting in a buffer of the
// server. While a batch of a lane is on its way no delta is taken for the lane; deltas wait in the values, where they
// add up in place. So an outage of any length needs no more memory. What can be lost, and is counted:
//
//   - what a Redis forgets: the writes that a promoted replica had not received, or all, without persistence;
//   - batches that were not applied before their step expired;
//   - the batch that is on its way when the process is killed, and deltas not taken when it ends without Redis.
//
// # When Redis is away
//
// After a few failed requests in a row a lane's breaker opens: the lane is left alone for a time that doubles up to a
// limit, with jitter. [Fleet.Degraded] is true from the first failure until all is well again.
package fleet
