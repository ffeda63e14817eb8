// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestCountTests(t *testing.T) {
	for name, test := range map[string]struct {
		output string
		want   tally
	}{
		"nothing ran": {"testing: warning: no tests to run\nPASS\n", tally{}},
		"one of each": {
			"=== RUN   TestA\n--- PASS: TestA (0.00s)\n=== RUN   TestB\n    b_test.go:3: no\n--- FAIL: TestB (0.01s)\n" +
				"=== RUN   TestC\n    c_test.go:9: needs a feature\n--- SKIP: TestC (0.00s)\nFAIL\n",
			tally{1, 1, 1, []string{"failed: TestB (0.01s)", "skipped: TestC (0.00s): c_test.go:9: needs a feature"}},
		},
		"a subtest counts with its parent": {
			"=== RUN   TestA\n=== RUN   TestA/b\n--- FAIL: TestA (0.02s)\n    --- FAIL: TestA/b (0.01s)\n",
			tally{0, 1, 0, []string{"failed: TestA (0.02s)", "failed: TestA/b (0.01s)"}},
		},
		"a test that prints something alike is no verdict": {
			"=== RUN   TestA\n    a_test.go:1: --- FAIL: what\n--- PASS: TestA (0.00s)\n", tally{1, 0, 0, nil},
		},
		"carriage returns of a console": {"--- PASS: TestA (0.00s)\r\n", tally{1, 0, 0, nil}},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.want, countTests([]byte(test.output)))
		})
	}
}
