// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Command report turns the output of `go test -json` into something to read, and into one verdict.
//
// It reads standard input until it ends. A line is one of:
//
//	{"Action":...}      an event of `go test -json`
//	skip: WHAT: WHY     something that the caller left out on this machine; counted as one skipped test
//	exit CODE: WHAT     a command of the caller ended; a code other than 0 counts as one failure, unless a test that
//	                    failed since the last such line explains it (a module that does not load has no events)
//	anything else       printed as it is
//
// A package prints one line when it ends; a failed test prints what it had printed. The end is the list of skipped
// tests with their reasons, the tests that failed, and the line
//
//	N passed, N failed, N skipped
//
// Only tests without sub-tests are counted, plus whatever failed outside of one: a build, a TestMain, a parent whose
// sub-tests all passed, a test that never ended. A package that is tested twice (the second time under the race
// detector) counts twice.
//
// The exit code is 1 if anything failed, if nothing was tested at all or, with REQUIRE_ALL=1 in the environment, if
// anything was skipped.
package main
