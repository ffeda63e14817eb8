// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"
)

// TestReadmeListsEverySettingWithItsDefault compares the table of README.md with the configuration.
func TestReadmeListsEverySettingWithItsDefault(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	conf := confmap.New()
	require.NoError(t, conf.Marshal(createDefaultConfig()))
	keys := conf.AllKeys()
	require.NotEmpty(t, keys)
	for _, key := range keys {
		row := regexp.QuoteMeta(strings.TrimSuffix(key, "::exclude"))
		if strings.HasSuffix(key, "::exclude") {
			row += "::include`, `exclude"
		}
		match := regexp.MustCompile("(?m)^\\| `" + row + "`[^|]*\\| ([^|]*) \\|").FindSubmatch(readme)
		require.NotNil(t, match, "%s is not in the table", key)
		assert.Contains(t, string(match[1]), shown(conf.Get(key)), key)
	}
}

// shown writes a default as the table does.
func shown(value any) string {
	switch v := value.(type) {
	case string:
		if v == "" {
			return "empty"
		}
		return "`" + v + "`"
	case time.Duration:
		return "`" + strings.Replace(v.String(), "1m0s", "60s", 1) + "`"
	case []any:
		return "`[]`"
	case nil:
		return "`[]`"
	default:
		return fmt.Sprintf("`%v`", v)
	}
}

// TestEveryReasonIsExplained compares the reasons that the receiver counts by with what documentation.md says of them.
func TestEveryReasonIsExplained(t *testing.T) {
	documentation, err := os.ReadFile("documentation.md")
	require.NoError(t, err)
	for _, reason := range []string{
		"ring_full", "storage", "no_status_line", "pipelined", "malformed_record", "malformed_request", "malformed_response",
		"no_final_response", "unknown_protocol", "port", "address", "late_ring_full", "gap", "response_unmatched", "unreadable",
		"evicted", "timed_out", "request_unaligned", "process_ended", "process_denied", "head_truncated", "duration_lost", "executable", "pending",
		"handshake", "stream_ring_full", "stream_cut", "stream_gap", "stream_malformed", "stream_forgotten", "stream_unknown",
		"stream_response_unmatched", "header_unknown", "header_truncated", "pushed", "handshake_unfinished",
		"handshake", "stream_ring_full", "stream_cut", "stream_gap", "stream_malformed", "stream_forgotten", "stream_unknown",
		"stream_response_unmatched", "header_unknown", "header_truncated", "pushed", "handshake_unfinished",
	} {
		assert.Contains(t, string(documentation), "`"+reason+"`", reason)
	}
}
