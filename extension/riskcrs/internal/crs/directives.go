// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package crs

import (
	"fmt"
	"strings"
)

// files are the parts of the rule set that look at the line and the header of a request. Left out are those about bodies
// (922), answers (95x), and what a firewall does with a score (949, 959, 980).
var files = [...]string{
	"REQUEST-911-METHOD-ENFORCEMENT",
	"REQUEST-913-SCANNER-DETECTION",
	"REQUEST-920-PROTOCOL-ENFORCEMENT",
	"REQUEST-921-PROTOCOL-ATTACK",
	"REQUEST-930-APPLICATION-ATTACK-LFI",
	"REQUEST-931-APPLICATION-ATTACK-RFI",
	"REQUEST-932-APPLICATION-ATTACK-RCE",
	"REQUEST-933-APPLICATION-ATTACK-PHP",
	"REQUEST-934-APPLICATION-ATTACK-GENERIC",
	"REQUEST-941-APPLICATION-ATTACK-XSS",
	"REQUEST-942-APPLICATION-ATTACK-SQLI",
	"REQUEST-943-APPLICATION-ATTACK-SESSION-FIXATION",
	"REQUEST-944-APPLICATION-ATTACK-JAVA",
}

// absences are the rules that match for want of a header field: Content-Length, Host, User-Agent, Content-Type, Accept,
// Referer.
const absences = "920180 920280 920300 920311 920320 920340 920640 943120"

// Our own rules have ids of the range that is reserved for local use.
const (
	idParanoia   = 100_000
	idFirstGuard = 100_100
	idLastGuard  = idFirstGuard + 2*len(files) - 1
)

// operatorPast holds when the time that a transaction's id says has passed, see guard.
const operatorPast = "riskcrsPast"

// directives configure the engine. Before each file stands a guard, in both phases, that skips to the end when the time of
// the request is over: an evaluation cannot be interrupted in another way. Prefilter is On or Off: whether Coraza looks for
// literals of a pattern before the pattern, which takes a third off and changes nothing else.
func directives(paranoia int, prefilter string) string {
	var b strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	say("SecRuleEngine DetectionOnly")
	say("SecRequestBodyAccess Off")
	say("SecResponseBodyAccess Off")
	say("SecAuditEngine Off")
	say("SecRxPreFilter %s", prefilter)
	say("Include @crs-setup.conf.example")
	say(`SecAction "id:%d,phase:1,pass,nolog,t:none,setvar:tx.blocking_paranoia_level=%d,setvar:tx.detection_paranoia_level=%d"`,
		idParanoia, paranoia, paranoia)
	say("Include @owasp_crs/REQUEST-901-INITIALIZATION.conf")
	for i, file := range files {
		for phase := range 2 {
			say(`SecRule UNIQUE_ID "@%s" "id:%d,phase:%d,pass,nolog,t:none,skipAfter:RISKCRS-END"`,
				operatorPast, idFirstGuard+2*i+phase, phase+1)
		}
		say("Include @owasp_crs/%s.conf", file)
	}
	say("SecMarker RISKCRS-END")
	say("SecRuleRemoveById %s", absences)
	return b.String()
}
