// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Packs measures the risk processor's rule packs on sets of attacks that others have made: the regression requests of the
// OWASP Core Rule Set, fail2ban's labelled log lines, user agents of crawlers, and those of real browsers for false alarms.
//
// Each request is one server span with what instrumentation records of it (path, query, user agent, and the header fields
// referer and cookie, which have to be asked for), each log line one log record, without an address or a user: it is what
// a pack says of it alone. It counts as found when risk.reasons names a rule of the pack.
//
// Beside it stands what the Core Rule Set adds, through extension/riskcrs and the pack crs: each request comes from an address
// of its own, and counts as found when the next span of that address says so. The rule set is asked about requests that it is
// tested with, so what it finds of those is no measure of it: it tells what of them is left in a span, and passes the
// condition by default for what is asked about. Its false alarms are a measure.
//
// Every set is split in two by a hash of its file or pattern. One half was in sight when the packs were written, the other
// half was not looked at.
package main
