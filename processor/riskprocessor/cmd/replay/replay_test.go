// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the golden files anew")

// The recordings are what the file exporter wrote of a shop, an sshd and somebody who tries passwords.
func recorded(names ...string) []string {
	for i := range names {
		names[i] = filepath.Join("testdata", names[i])
	}
	return names
}

func replayed(t *testing.T, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), args, &out, io.Discard))
	return out.String()
}

func TestReplayGivesTheGoldenReport(t *testing.T) {
	args := append([]string{"-config", "testdata/collector.yaml", "-rules", "testdata/rules.yaml", "-against", "testdata/new.yaml"},
		recorded("traces.json", "logs.json")...)
	for file, got := range map[string]string{"report.txt": replayed(t, args...), "report.json": replayed(t, append([]string{"-json"}, args...)...)} {
		golden := filepath.Join("testdata", file)
		if *update {
			require.NoError(t, os.WriteFile(golden, []byte(got), 0o644))
		}
		want, err := os.ReadFile(golden)
		require.NoError(t, err)
		assert.Equal(t, string(want), got, file)
	}
}

func TestFilesAreReadInTheOrderOfTime(t *testing.T) {
	args := []string{"-packs", "credential_stuffing"}
	assert.Equal(t, replayed(t, append(args, recorded("traces.json", "logs.json")...)...), replayed(t, append(args, recorded("logs.json", "traces.json")...)...))
}

func TestBothFormatsGiveTheSame(t *testing.T) {
	args := []string{"-packs", "scanner,injection,credential_stuffing"}
	assert.Equal(t, replayed(t, append(args, recorded("traces.json")...)...), replayed(t, append(args, recorded("traces.bin")...)...))
}

func TestTimeIsThatOfTheRecords(t *testing.T) {
	rules := filepath.Join(t.TempDir(), "rules.yaml")
	require.NoError(t, os.WriteFile(rules, []byte(`
features: [{name: logins, type: count, entity: ip, when: 'attributes["url.path"] == "/login"', window: 5s}]
rules: [{name: many, condition: 'Feature("logins") > 6', weight: 0.5}]`), 0o600))
	var r report
	require.NoError(t, json.Unmarshal([]byte(replayed(t, append([]string{"-json", "-rules", rules}, recorded("traces.json")...)...)), &r))
	assert.Empty(t, r.Rules.Hits["many"], "six come at once, and the next six ten seconds later")
	assert.EqualValues(t, 68, r.Spans)
}

func TestMetricsArePassedOver(t *testing.T) {
	file := write(t, "m.json", []byte(`{"resourceMetrics":[]}`+"\n\n"+`{"resourceSpans":[]}`))
	assert.Contains(t, replayed(t, file), "replayed 0 spans and 0 log records")
	assert.Contains(t, replayed(t, file), "passed over 1 requests")
	assert.Contains(t, replayed(t, write(t, "empty.json", nil)), "replayed 0 spans")
}

func write(t *testing.T, name string, content []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(file, content, 0o600))
	return file
}

func TestFaults(t *testing.T) {
	good, err := os.ReadFile(filepath.Join("testdata", "traces.json"))
	require.NoError(t, err)
	proto, err := os.ReadFile(filepath.Join("testdata", "traces.bin"))
	require.NoError(t, err)
	first := 4 + int(binary.BigEndian.Uint32(proto))
	trace := filepath.Join("testdata", "traces.json")
	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"no file":              {nil, "name at least one file"},
		"a missing file":       {[]string{"nowhere.json"}, "open file"},
		"a broken line":        {[]string{write(t, "a.json", append(append([]byte{}, good...), `{"resourceSpans":[{]}`...))}, `a.json": line 7: `},
		"another kind of JSON": {[]string{write(t, "b.json", []byte("\n{\"a\":1}\n"))}, `b.json": line 2: has neither resourceSpans nor`},
		"a message cut off":    {[]string{write(t, "c.bin", proto[:first+10])}, `c.bin": offset ` + strconv.Itoa(first) + `: request of`},
		"a length cut off":     {[]string{write(t, "d.bin", proto[:first+2])}, `d.bin": offset ` + strconv.Itoa(first) + `: length of a request: got 2 of 4 bytes`},
		"no OTLP":              {[]string{write(t, "e.bin", []byte{0, 0, 0, 3, 0xff, 0xff, 0xff})}, `e.bin": offset 0: request of 3 bytes: is no OTLP request`},
		"no length":            {[]string{write(t, "f.bin", []byte("hello world"))}, `f.bin": offset 0: a request of 1751477356 bytes is larger than`},
		"zstd":                 {[]string{write(t, "g.zst", []byte{0x28, 0xb5, 0x2f, 0xfd, 0})}, "compressed with zstd"},
		"a bad rule":           {[]string{"-rules", write(t, "r.yaml", []byte(`rules: [{name: a, condition: "x ==", weight: 2}]`)), trace}, "rules::a::weight"},
		"no configuration":     {[]string{"-config", "nowhere.yaml", trace}, "read configuration"},
		"another processor":    {[]string{"-config", "testdata/collector.yaml", "-processor", "risk/2", trace}, `there is no processor "risk/2"`},
		"an unknown setting":   {[]string{"-config", write(t, "c.yaml", []byte("colour: red")), trace}, "colour"},
		"an unknown pack":      {[]string{"-packs", "x", trace}, `rule_packs::0: must be one of`},
	} {
		t.Run(name, func(t *testing.T) {
			require.ErrorContains(t, run(t.Context(), tt.args, io.Discard, io.Discard), tt.want)
		})
	}
}

// FuzzInput reads any bytes as a file: it ends in an error or at the end, never later than after as many requests as bytes.
func FuzzInput(f *testing.F) {
	for _, name := range recorded("traces.json", "traces.bin", "logs.json") {
		content, err := os.ReadFile(name)
		require.NoError(f, err)
		f.Add(content[:4000])
	}
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 2, 10, 0})
	f.Fuzz(func(t *testing.T, content []byte) {
		in, err := open([]string{write(t, "f", content)})
		if err != nil {
			return
		}
		defer in.close()
		for range len(content) + 1 {
			r, err := in.take()
			if err != nil || r == nil {
				return
			}
		}
		t.Fatal("there is no end to it")
	})
}
