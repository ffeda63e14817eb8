// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"testing"

	"go.uber.org/goleak"

	"github.com/otelcol-risk/otelcol-risk/tests/kafka/broker"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestAFewFaults is the short version of `make chaos-kafka`.
func TestAFewFaults(t *testing.T) {
	broker.SkipOrFail(t, broker.Program("kcat", "kcat", "apt-get install kcat"))
	var out bytes.Buffer
	err := report(t.Context(), plan{release: broker.Kafka4, kills: 2, restarts: 1, rate: 300, log: t.Output()}, &out)
	broker.SkipOrFail(t, err)
	t.Log(out.String())
	var found outcome
	if err := json.Unmarshal(out.Bytes(), &found); err != nil {
		t.Fatal(err)
	}
	if found.Kills != 2 || found.Restarts != 1 || found.Sent == 0 {
		t.Errorf("found %+v", found)
	}
}

func TestTheVerdictSeesEveryFault(t *testing.T) {
	line := func(ids string) []byte { return []byte(`{"spans":[{"traceId":"0","spanId":"` + ids + `"}]}`) }
	once := func(further ...string) *tally {
		counted := newTally(2)
		for _, id := range append([]string{"0000000000000001", "0000000000000002"}, further...) {
			if err := countLine(counted, line(id)); err != nil {
				t.Fatal(err)
			}
		}
		return counted
	}
	short := newTally(2)
	short.add(1)
	for name, test := range map[string]struct {
		kcat, console *tally
		want          outcome
	}{
		"all there":            {once(), once(), outcome{Sent: 2, Kcat: 2, Console: 2}},
		"one lost":             {once(), short, outcome{Sent: 2, Kcat: 2, Console: 1, Lost: 1}},
		"one twice":            {once("0000000000000002"), once(), outcome{Sent: 2, Kcat: 2, Console: 2, Duplicates: 1}},
		"one that nobody sent": {once(), once("0000000000000003"), outcome{Sent: 2, Kcat: 2, Console: 2, Unknown: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			found := outcome{Sent: 2}
			found.take(test.kcat, test.console)
			if found != test.want {
				t.Errorf("found %+v, want %+v", found, test.want)
			}
			if (found.verdict() == nil) != (name == "all there") {
				t.Errorf("verdict %v", found.verdict())
			}
		})
	}
	for _, bad := range []string{"{}", `{"spanId":"00"`, `{"spanId":"000000000000000x"}`} {
		if countLine(newTally(1), []byte(bad)) == nil {
			t.Errorf("%s was taken for a record", bad)
		}
	}
}
