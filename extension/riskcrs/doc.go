// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

//go:generate go tool -modfile=../../tools/go.mod mdatagen metadata.yaml

// Package riskcrs asks the OWASP Core Rule Set about requests that spans and log records tell of, behind the pipelines:
// what it finds counts for who sent the request, from the next record on.
//
// # Contract with processors
//
// A processor finds the extension by its component ID in host.GetExtensions() and asks it for one method, not for a type:
// components of this repository do not import each other. It is made of types of the standard library and of unnamed
// structs ([Request], [Finding] are aliases), so another module can declare the same interface. Names of struct fields,
// their types and their order are part of the contract.
//
//	Inspect(request *Request, done func(*Finding)) bool
//
// Inspect takes the request into a bounded queue and returns true, or counts it with the reason and returns false. It
// never waits, keeps nothing of the request's memory, and may be called by many goroutines at once. done is called once
// for each request that was taken, by one of the extension's workers, also when nothing was found; not for requests that
// were still waiting at shutdown. It must be fast, and must not keep the finding.
//
// What a request does not say was not observed: no rule that looks for something that is missing, such as a header field,
// is in use.
package riskcrs
