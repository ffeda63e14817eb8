// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Package pattern finds any of many texts in a text, in one pass whose time depends on the length of the text and not on
// how many there are: the automaton of Aho and Corasick (1975, Efficient string matching), as a table with one row a
// state and one column for each byte that occurs.
//
// Upper and lower case of ASCII letters are the same. A matcher that decodes sees what a server would see of a URL: it
// reads percent-encoding, also where it is nested, as the bytes it stands for, `+` and any run of white space as one
// space, and leaves NUL out. It does so while matching and allocates nothing, which is why the automaton is our own.
//
// A [Matcher] never changes and may be used by many goroutines at once.
package pattern
