// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package procinfo

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseStat(t *testing.T) {
	const rest = " S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 12345 20 21"
	comm, begun, err := parseStat([]byte("42 (a) b (c)" + rest))
	require.NoError(t, err)
	assert.Equal(t, "a) b (c", comm)
	assert.EqualValues(t, 123_450_000_000, begun)
	for _, stat := range []string{"", "42", "42 (a", "42 )a(", "42 (a) S 1 2", "42 (a)" + strings.Replace(rest, "12345", "-1", 1)} {
		_, _, err := parseStat([]byte(stat))
		require.Error(t, err, stat)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("42 (a) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19"))
	f.Add([]byte("0::/system.slice/docker-" + id + ".scope\n"))
	f.Add([]byte("OTEL_SERVICE_NAME=a\x00OTEL_RESOURCE_ATTRIBUTES=service.name=%41,b=c\x00"))
	f.Fuzz(func(t *testing.T, input []byte) {
		if _, begun, err := parseStat(input); err == nil {
			assert.NotZero(t, begun)
		}
		where := placeOf(input)
		if where.container != "" {
			assert.Len(t, where.container, idLen)
			assert.True(t, hexadecimal(where.container))
			assert.Contains(t, string(input), where.container)
		}
		if where.pod != "" {
			assert.Len(t, where.pod, uidLen)
			assert.Contains(t, strings.ReplaceAll(string(input), "_", "-"), where.pod)
		}
		assert.Contains(t, string(input), where.unit)
		e := readEnvironment(input)
		assert.LessOrEqual(t, len(e.service), len(input))
		for key := range e.attributes.All() {
			assert.NotEmpty(t, key)
		}
		for _, executable := range []string{"python3.11", "java", "node", "nginx"} {
			name := programName(executable, input)
			assert.Contains(t, string(bytes.ToValidUTF8(input, nil)), name)
		}
	})
}
