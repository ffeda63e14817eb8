// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestPacksOnWhatAModuleCarries holds the packs to somewhat less than what was measured, on the half that was not in
// sight where there is enough of it.
func TestPacksOnWhatAModuleCarries(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), "", "", &out))
	lines := bytes.Split(bytes.TrimSpace(out.Bytes()), []byte("\n"))
	var s summary
	require.NoError(t, json.Unmarshal(lines[len(lines)-1], &s))
	rows := map[string]row{}
	requests := 0
	for _, r := range s.Rows {
		rows[r.Class] = r
		requests += r.Sight.Items + r.Held.Items
	}
	assert.Greater(t, requests, 3500, "nearly all regression requests can be read")
	for class, least := range map[string]float64{
		"commands": 0.25, "PHP": 0.4, "templates, Node, addresses": 0.3, "scripts": 0.5, "SQL": 0.5,
		"SQL, in a body": 0.25, "scripts, in a body": 0.6, "Java, in a body": 0.6,
	} {
		assert.GreaterOrEqual(t, rows[class].Held.rate(), least, class)
	}
	assert.Less(t, rows["ordinary"].Sight.rate(), 0.03)
	for class, least := range map[string]float64{"commands": 0.5, "PHP": 0.5, "templates, Node, addresses": 0.5, "scripts": 0.6, "SQL": 0.6} {
		assert.GreaterOrEqual(t, rows[class].HeldCRS.rate(), max(least, rows[class].Held.rate()), "%s with the Core Rule Set", class)
	}
	assert.Less(t, rows["ordinary"].SightCRS.rate(), 0.05)
	assert.Less(t, rows["not the rule's attack"].Held.rate(), 0.25)
}

func TestDownloadedSets(t *testing.T) {
	data := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(data, "fail2ban"), 0o755))
	for name, text := range map[string]string{
		"fail2ban/sshd": `# a comment
# failJSON: { "match": true, "host": "192.0.2.1" }
Failed password for root from 192.0.2.1
not labelled: Failed password
# failJSON: { "match": false }
Accepted password for root from 192.0.2.1
# failJSON: broken
Failed password for root from 192.0.2.1
`,
		"crawler-user-agents.json": `[{"pattern": "Googlebot", "instances": ["Googlebot/2.1", "Friendly"]}]`,
		"user-agents.json":         `[{"userAgent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"}]`,
	} {
		require.NoError(t, os.WriteFile(filepath.Join(data, name), []byte(text), 0o600))
	}
	want := map[string]share{"logins": {1, 1}, "lines that it does not count": {1, 0}, "crawlers": {2, 1}, "browsers": {1, 0}}
	for _, set := range sets(data)[2:] {
		items, err := set.load()
		require.NoError(t, err)
		rows, err := measure(t.Context(), set.name, items)
		require.NoError(t, err)
		for _, r := range rows {
			got := share{r.Sight.Items + r.Held.Items, r.Sight.Found + r.Held.Found}
			assert.Equal(t, want[r.Class], got, r.Class)
		}
	}
	require.ErrorContains(t, run(t.Context(), t.TempDir(), "", &bytes.Buffer{}), "load fail2ban log lines")
}

// TestHalvesStayWhatTheyAre holds the split: another hash would move what was in sight.
func TestHalvesStayWhatTheyAre(t *testing.T) {
	assert.False(t, heldOut("sshd"))
	assert.True(t, heldOut("dropbear"))
}
