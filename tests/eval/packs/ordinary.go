// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	_ "embed"
	"strings"
)

// ordinary are targets of requests that people make, written by hand to be hard: words that are also SQL, shell or HTML,
// punctuation, addresses, encodings. There is no public set of such requests that can be had here.
//
//go:embed ordinary.txt
var ordinary string

func loadOrdinary() ([]item, error) {
	const firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
	var items []item
	for target := range strings.Lines(ordinary) {
		items = append(items, item{
			class: "ordinary", packs: "injection scanner scraping",
			attrs: requestAttrs(strings.TrimSpace(target), map[string]string{"User-Agent": firefox}),
		})
	}
	return items, nil
}
