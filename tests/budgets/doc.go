// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Package budgets holds the sources to limits that a reader feels: the length of files and functions, a comment at
// every package, a licence at every file, and no leftovers. CONTRIBUTING.md explains them.
//
// A budget that hurts is a hint that a file has two jobs. It is not raised to make a change fit.
package budgets
