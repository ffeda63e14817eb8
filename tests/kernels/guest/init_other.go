// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package main

// asInit is for Linux only: no other system starts this program as process 1.
func asInit() {}
