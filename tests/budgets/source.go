// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package budgets

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"regexp"
	"strings"
)

const (
	maxFileLines     = 500
	maxTestFileLines = 800
	maxScriptLines   = 60
	maxFunctionLines = 70
	maxPageLines     = 200 // ARCHITECTURE.md: a map that does not fit on a wall is not used
)

const licence = "// Copyright The otelcol-risk Authors\n// SPDX-License-Identifier: Apache-2.0\n"

var (
	generated = regexp.MustCompile(`(?m)^// Code generated .* DO NOT EDIT\.$`)
	// A leftover is an issue, not a comment. Written in two parts, or this file would be one.
	leftover = regexp.MustCompile(`\b(` + "TO" + "DO|FIX" + "ME|XX" + `X)\b`)
)

// checkFile returns what is wrong with one file, as sentences. name is its path below the repository's root, with
// slashes.
func checkFile(name string, text []byte) []string {
	var faults []string
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }

	if limit, lines := lineLimit(name), bytes.Count(text, []byte("\n")); limit > 0 && lines > limit && !generated.Match(text) {
		fault("%d lines, at most %d", lines, limit)
	}
	if at := leftover.FindIndex(text); at != nil && !generated.Match(text) {
		fault("line %d has a leftover: %s", 1+bytes.Count(text[:at[0]], []byte("\n")), text[at[0]:at[1]])
	}
	if strings.HasSuffix(name, ".go") && !generated.Match(text) {
		if !bytes.HasPrefix(text, []byte(licence)) {
			fault("does not begin with the two lines of copyright and licence")
		}
		faults = append(faults, checkFunctions(name, text)...)
	}
	return faults
}

// lineLimit returns how many lines a file may have, 0 for any number.
func lineLimit(name string) int {
	switch {
	case name == "ARCHITECTURE.md":
		return maxPageLines
	case strings.HasPrefix(name, "scripts/"):
		return maxScriptLines
	case strings.HasSuffix(name, "_test.go"):
		return maxTestFileLines
	case path.Ext(name) == ".go", path.Ext(name) == ".c", path.Ext(name) == ".h":
		return maxFileLines
	}
	return 0
}

// checkFunctions returns the functions of a Go file that are too long. Tests are exempt: a table is long, not complex.
func checkFunctions(name string, text []byte) []string {
	if strings.HasSuffix(name, "_test.go") {
		return nil
	}
	positions := token.NewFileSet()
	file, err := parser.ParseFile(positions, name, text, parser.SkipObjectResolution)
	if err != nil {
		return []string{fmt.Sprintf("parse: %v", err)}
	}
	var faults []string
	for _, declaration := range file.Decls {
		function, ok := declaration.(*ast.FuncDecl)
		if !ok {
			continue
		}
		lines := positions.Position(function.End()).Line - positions.Position(function.Pos()).Line + 1
		if lines > maxFunctionLines {
			faults = append(faults, fmt.Sprintf("%s has %d lines, at most %d", function.Name.Name, lines, maxFunctionLines))
		}
	}
	return faults
}

// documented tells whether a Go file has a package comment.
func documented(name string, text []byte) bool {
	file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.PackageClauseOnly|parser.ParseComments)
	return err == nil && strings.TrimSpace(file.Doc.Text()) != ""
}
