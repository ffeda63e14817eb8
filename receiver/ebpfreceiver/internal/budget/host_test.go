// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package budget

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAHostIsBusyWithWhatIsNotIdle(t *testing.T) {
	var h Host
	for _, step := range []struct {
		stat string
		want float64
	}{
		{"cpu  10 0 10 70 10 0 0 0 5 0\ncpu0 1 2 3 4 5 6 7 8 9 10\n", 0.2},
		{"cpu  20 5 20 70 10 5 5 5 5 0\n", 1},
		{"cpu  20 5 20 170 10 5 5 5 5 0\n", 0},
		{"cpu  20 5 20 170 10 5 5 5 5 0\n", 0},
		{"cpu  30 5 20 170 40 5 5 5 9 0", 0.25},
		{"cpu  1 0 0 0 0 0 0 0 0 0\n", 0},
		{"cpu  2 0 0 3 0 0 0 0 0 0\n", 0.25},
	} {
		got, err := h.Step([]byte(step.stat))
		require.NoError(t, err)
		assert.InDelta(t, step.want, got, 1e-9, step.stat)
	}
	for _, stat := range []string{"", "cpu 1 2 3", "cpu0 1 2 3 4 5 6 7 8\n", "cpu 1 2 3 4 5 6 7 x\n", "cpu 1 2 3 4 5 6 7 -8\n"} {
		_, err := h.Step([]byte(stat))
		assert.ErrorContains(t, err, "read times of processors", stat)
	}
}

func FuzzHost(f *testing.F) {
	stat, err := os.ReadFile("/proc/stat")
	if err == nil {
		f.Add(stat, stat)
	}
	f.Add([]byte("cpu  9223372036854775807 1 1 1 1 1 1 9223372036854775807"), []byte("cpu 0 0 0 0 0 0 0 0"))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		var h Host
		for _, stat := range [][]byte{first, second} {
			if busy, err := h.Step(stat); err == nil && !(busy >= 0 && busy <= 1) {
				t.Fatalf("busy %v by %q", busy, stat)
			}
		}
	})
}

func BenchmarkHost(b *testing.B) {
	var h Host
	stat := []byte("cpu  4705 356 584 3699 23 23 5 0 0 0\ncpu0 1393 280 32 1 0 0 0 0 0 0\n")
	for b.Loop() {
		if _, err := h.Step(stat); err != nil {
			b.Fatal(err)
		}
	}
}

func TestProcessorsAreCounted(t *testing.T) {
	for list, want := range map[string]int{"0\n": 1, "0-63\n": 64, "0-1,3,8-11": 7} {
		got, err := Processors([]byte(list))
		require.NoError(t, err)
		assert.Equal(t, want, got, list)
	}
	for _, list := range []string{"", "\n", "a", "0-", "-1", "3-1", "0,,2", "0-99999999999"} {
		_, err := Processors([]byte(list))
		require.ErrorContains(t, err, "read list of processors", list)
	}
}
