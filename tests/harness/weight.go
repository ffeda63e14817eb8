// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"fmt"
	"strconv"
	"strings"
)

// Weight returns how many spans a kept span stands for, from the consistent-probability threshold in its tracestate:
//
//	tracestate  = vendor=value,ot=th:8;rv:…,vendor=value
//	th          = 1 to 14 hex digits, the highest bits of a 56-bit rejection threshold T
//	weight      = 2^56 / (2^56 - T)
//
// A span without a threshold was not sampled by probability: it stands for itself alone. A threshold that is not
// written as the specification wants it is an error.
//
// Source: OpenTelemetry specification, "TraceState: Probability Sampling".
func Weight(tracestate string) (float64, error) {
	for member := range strings.SplitSeq(tracestate, ",") {
		value, ok := strings.CutPrefix(strings.TrimSpace(member), "ot=")
		if !ok {
			continue
		}
		for field := range strings.SplitSeq(value, ";") {
			if th, ok := strings.CutPrefix(field, "th:"); ok {
				return weightOf(th)
			}
		}
	}
	return 1, nil
}

const (
	thresholdDigits = 14
	thresholdRange  = 1 << 56
)

func weightOf(th string) (float64, error) {
	if len(th) == 0 || len(th) > thresholdDigits {
		return 0, fmt.Errorf("read sampling threshold %q: want 1 to %d hex digits", th, thresholdDigits)
	}
	threshold, err := strconv.ParseUint(th+strings.Repeat("0", thresholdDigits-len(th)), 16, 64)
	if err != nil {
		return 0, fmt.Errorf("read sampling threshold %q: %w", th, err)
	}
	return thresholdRange / float64(thresholdRange-threshold), nil
}
