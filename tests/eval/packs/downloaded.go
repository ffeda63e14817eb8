// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// loadFail2ban reads labelled log lines: a comment with the label, then the line. Lines without a label are left out.
func loadFail2ban(folder string) ([]item, error) {
	files, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	var items []item
	for _, entry := range files {
		if entry.IsDir() {
			continue // lines of other tests
		}
		file, err := os.Open(filepath.Join(folder, entry.Name()))
		if err != nil {
			return nil, err
		}
		lines := bufio.NewScanner(file)
		lines.Buffer(nil, 1<<20)
		var label struct{ Match *bool }
		for lines.Scan() {
			line := lines.Text()
			if text, labelled := strings.CutPrefix(line, "# failJSON:"); labelled {
				label.Match = nil
				if err := json.Unmarshal([]byte(text), &label); err != nil {
					label.Match = nil // some are not JSON; the line is left out
				}
				continue
			}
			if label.Match != nil && line != "" && !strings.HasPrefix(line, "#") {
				items = append(items, fail2banItem(entry.Name(), line, *label.Match))
			}
			label.Match = nil
		}
		if err := lines.Err(); err != nil {
			return nil, fmt.Errorf("read %q: %w", entry.Name(), err)
		}
		_ = file.Close() // was only read
	}
	return items, nil
}

// fail2banKinds are what the programs do whose lines are in a file, by the beginning of its name. What is not here guards
// a login.
var fail2banKinds = map[string][]string{
	"web servers": {"apache-", "nginx-", "lighttpd-", "php-", "squid", "suhosin", "openhab", "traefik", "monitorix", "haproxy"},
	"mail, telephony, others' bans": {
		"assp", "asterisk", "courier-smtp", "domino", "exim", "freeswitch", "kerio", "murmur", "named", "nsd", "portsentry", "postfix",
		"qmail", "recidive", "sendmail", "solid-pop3d", "stunnel", "xinetd",
	},
}

func fail2banItem(file, line string, match bool) item {
	i := item{class: "logins", packs: "credential_stuffing scanner", attack: match, held: heldOut(file), body: line}
	for class, prefixes := range fail2banKinds {
		if slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(file, prefix) }) {
			i.class = class
		}
	}
	if !match {
		i.class = "lines that it does not count"
	}
	return i
}

// loadCrawlers reads the set crawler-user-agents.
func loadCrawlers(file string) ([]item, error) {
	var crawlers []struct {
		Pattern   string
		Instances []string
	}
	if err := readJSON(file, &crawlers); err != nil {
		return nil, err
	}
	var items []item
	for _, c := range crawlers {
		for _, agent := range c.Instances {
			items = append(items, item{
				class: "crawlers", packs: "scraping scanner", attack: true, held: heldOut(c.Pattern),
				attrs: map[string]any{"url.path": "/", "user_agent.original": agent},
			})
		}
	}
	return items, nil
}

// loadBrowsers reads the set user-agents.
func loadBrowsers(file string) ([]item, error) {
	var browsers []struct{ UserAgent string }
	if err := readJSON(file, &browsers); err != nil {
		return nil, err
	}
	items := make([]item, 0, len(browsers))
	for _, b := range browsers {
		items = append(items, item{
			class: "browsers", packs: "scraping scanner injection", held: heldOut(b.UserAgent),
			attrs: map[string]any{"url.path": "/", "user_agent.original": b.UserAgent},
		})
	}
	return items, nil
}

func readJSON(file string, into any) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("parse %q: %w", file, err)
	}
	return nil
}
