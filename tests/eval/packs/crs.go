// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"io/fs"
	"net/http"
	"strings"

	"github.com/corazawaf/coraza-coreruleset/v4/tests"
	"go.yaml.in/yaml/v3"
)

// crsFile is a file of the Core Rule Set's regression tests.
type crsFile struct {
	Rule  int       `yaml:"rule_id"`
	Tests []crsTest `yaml:"tests"`
}

type crsTest struct {
	ID     int `yaml:"test_id"`
	Stages []struct {
		Input struct {
			Method  string            `yaml:"method"`
			URI     string            `yaml:"uri"`
			Headers map[string]string `yaml:"headers"`
			Data    string            `yaml:"data"`
			Encoded string            `yaml:"encoded_request"`
		} `yaml:"input"`
		Output struct {
			Log struct {
				Expect   []int `yaml:"expect_ids"`
				NoExpect []int `yaml:"no_expect_ids"`
			} `yaml:"log"`
		} `yaml:"output"`
	} `yaml:"stages"`
}

// crsClasses are the folders with attacks on applications, and who should find them.
var crsClasses = map[string]struct{ class, packs string }{
	"REQUEST-913-SCANNER-DETECTION":          {"scanner", "scanner"},
	"REQUEST-930-APPLICATION-ATTACK-LFI":     {"local files", "injection scanner"},
	"REQUEST-931-APPLICATION-ATTACK-RFI":     {"remote files", "injection"},
	"REQUEST-932-APPLICATION-ATTACK-RCE":     {"commands", "injection"},
	"REQUEST-933-APPLICATION-ATTACK-PHP":     {"PHP", "injection"},
	"REQUEST-934-APPLICATION-ATTACK-GENERIC": {"templates, Node, addresses", "injection"},
	"REQUEST-941-APPLICATION-ATTACK-XSS":     {"scripts", "injection"},
	"REQUEST-942-APPLICATION-ATTACK-SQLI":    {"SQL", "injection"},
	"REQUEST-944-APPLICATION-ATTACK-JAVA":    {"Java", "injection"},
}

// loadCRS reads the regression requests. A body is in no span, and neither are most header fields: such requests are classes
// of their own. Of a body, to see what the rules make of it, it is asked what would be found in it if it were a query.
// Requests that only expect that a rule does not match are no attack of that kind, though often one of another: they are
// a class, too.
func loadCRS() ([]item, error) {
	var items []item
	err := fs.WalkDir(tests.FS, ".", func(path string, entry fs.DirEntry, err error) error {
		folder, file, _ := strings.Cut(path, "/")
		of, known := crsClasses[folder]
		if err != nil || entry.IsDir() || !known {
			return err
		}
		text, err := fs.ReadFile(tests.FS, path)
		if err != nil {
			return err
		}
		var parsed crsFile
		if err := yaml.Unmarshal(text, &parsed); err != nil {
			return fmt.Errorf("parse %q: %w", path, err)
		}
		for i := range parsed.Tests {
			found, err := parsed.Tests[i].items(of.class, of.packs)
			if err != nil {
				return fmt.Errorf("read %q: test %d: %w", path, parsed.Tests[i].ID, err)
			}
			for j := range found {
				found[j].held = heldOut(file)
			}
			items = append(items, found...)
		}
		return nil
	})
	return items, err
}

// items are the requests of a test, one a stage.
func (t *crsTest) items(class, packs string) ([]item, error) {
	var items []item
	for _, s := range t.Stages {
		in := s.Input
		i := item{class: class, packs: packs, attack: len(s.Output.Log.Expect) > 0}
		if !i.attack && len(s.Output.Log.NoExpect) == 0 {
			continue // is about the answer
		}
		if in.Encoded != "" {
			raw, err := base64.StdEncoding.DecodeString(in.Encoded)
			if err != nil {
				return nil, fmt.Errorf("decode request: %w", err)
			}
			request, err := http.ReadRequest(bufio.NewReader(strings.NewReader(string(raw))))
			if err != nil {
				continue // is no HTTP, which is what it tests
			}
			in.URI, in.Headers, in.Data = request.RequestURI, map[string]string{}, ""
			for name := range request.Header {
				in.Headers[name] = request.Header.Get(name)
			}
			if request.ContentLength != 0 {
				in.Data = "in the request"
			}
			_ = request.Body.Close() // was not read
		}
		i.attrs = requestAttrs(in.URI, in.Headers)
		switch {
		case in.Data != "":
			i.class += ", in a body"
			i.attrs = map[string]any{"url.path": "/", "url.query": in.Data}
		case carriesMore(in.Headers):
			i.class += ", another header"
		}
		if !i.attack {
			i.class, i.packs = "not the rule's attack", "injection scanner"
		}
		items = append(items, i)
	}
	return items, nil
}

// carriesMore says whether there are header fields that carry what is sent, and are not recorded.
func carriesMore(headers map[string]string) bool {
	for name := range headers {
		name = strings.ToLower(name)
		switch {
		case name == "host", name == "user-agent", name == "referer", name == "cookie", name == "connection",
			strings.HasPrefix(name, "accept"), name == "content-length", name == "cache-control", name == "keep-alive", name == "pragma":
		default:
			return true
		}
	}
	return false
}

// requestAttrs are what is recorded of a request.
func requestAttrs(target string, headers map[string]string) map[string]any {
	if _, rest, absolute := strings.Cut(target, "://"); absolute && !strings.HasPrefix(target, "/") {
		_, path, _ := strings.Cut(rest, "/")
		target = "/" + path
	}
	target, _, _ = strings.Cut(target, "#")
	path, query, _ := strings.Cut(target, "?")
	attrs := map[string]any{"url.path": path}
	if query != "" {
		attrs["url.query"] = query
	}
	for name, value := range headers {
		switch strings.ToLower(name) {
		case "user-agent":
			attrs["user_agent.original"] = value
		case "referer", "cookie":
			attrs["http.request.header."+strings.ToLower(name)] = []string{value}
		}
	}
	return attrs
}
