// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"flag"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// parallelTests is how many tests run at once: most of them only wait, for a broker that does not answer.
const parallelTests = "16"

func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", parallelTests); err != nil {
		println(err.Error())
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}
