// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package summary

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/otelcol-risk/otelcol-risk/tests/demo/tally"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// good returns a summary in which everything agrees.
func good() *Summary {
	return &Summary{
		Took: 30 * time.Second,
		Programs: []Program{
			{"crowd", tally.Tally{Sent: 100}},
			{"storefront", tally.Tally{Sent: 80, Served: 100}},
			{"catalog", tally.Tally{Served: 80, Unexported: 2}},
		},
		InKafka: 50, SampledOut: 300, Estimate: 355.5, Deviation: 21.4,
		Losses: map[string]int{"ebpf: ring_full": 7, "kafka: send failed": 1},
	}
}

func TestCheckFindsWhatDoesNotAgree(t *testing.T) {
	if err := good().Check(); err != nil {
		t.Errorf("all agrees, but: %v", err)
	}
	for _, test := range []struct {
		name   string
		change func(*Summary)
		want   string
	}{
		{"a span too few", func(s *Summary) { s.InKafka-- }, "360 expected, 359 accounted for"},
		{"a span too many", func(s *Summary) { s.SampledOut++ }, "360 expected, 361 accounted for"},
		{"a loss too many", func(s *Summary) { s.Losses["ebpf: ring_full"]++ }, "360 expected, 361 accounted for"},
		{"a doubled span", func(s *Summary) { s.Doubled = 1 }, "1 spans are in Kafka more than once"},
		{"a request without an answer", func(s *Summary) { s.Programs[0].Tally.Sent++ }, "181 sent, 180 answered, 0 failed"},
		{"a failed request", func(s *Summary) { s.Programs[0].Tally.Failed++ }, "1 failed"},
		{"nothing at all", func(s *Summary) { *s = Summary{} }, "no request was answered"},
	} {
		s := good()
		test.change(s)
		if err := s.Check(); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error is %v, want %q", test.name, err, test.want)
		}
	}
}

func TestPrintShowsEveryNumber(t *testing.T) {
	var out bytes.Buffer
	if err := good().Print(&out); err != nil {
		t.Fatal(err)
	}
	const want = `
Summary of 30.0 s

  requests                                sent  answered
    crowd                                  100          
    storefront                              80       100
    catalog                                           80
    in all                                 180       180

  spans: both ends of each request         360
    in Kafka                                50
    sampled out                            300
    lost                                    10
      ebpf: ring_full                        7
      kafka: send failed                     1
      programs: not exported                 2
  estimate from the weights in Kafka       356 ± 21

  They agree: every span is accounted for.
`
	if out.String() != want {
		t.Errorf("printed:\n%s\nwant:\n%s", out.String(), want)
	}
	s := good()
	s.InKafka, s.Doubled = 1, 1
	out.Reset()
	if err := s.Print(&out); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "THEY DO NOT AGREE: spans do not agree: 360 expected, 311 accounted for; 1 spans") {
		t.Errorf("printed:\n%s", out.String())
	}
}
