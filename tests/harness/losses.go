// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package harness

// Names of the counters that say where spans went other than into Kafka.
const (
	sampledOut   = "otelcol_processor_risk_spans_sampled_out"
	receiverLost = "otelcol_receiver_ebpf_lost"
	sendFailed   = "otelcol_exporter_send_failed_spans"
)

// SampledOut returns how many spans the risk processor has dropped on purpose.
func (m Metrics) SampledOut() int { return int(m.Sum(sampledOut)) }

// Losses returns how many spans were lost, by component and reason. Reasons without a loss are left out.
//
// A batch that is refused on the way, for example because the exporter's queue is full, is counted where it came from:
// by the ebpf receiver as refused, by a client that sends OTLP itself. So otelcol_exporter_enqueue_failed_spans is not
// added. What fails after the queue has nobody left to tell, and is.
func (m Metrics) Losses() map[string]int {
	losses := map[string]int{}
	for reason, n := range m.By(receiverLost, "reason") {
		if n != 0 {
			losses["ebpf: "+reason] = int(n)
		}
	}
	if n := m.Sum(sendFailed); n != 0 {
		losses["kafka: send failed"] = int(n)
	}
	return losses
}

// Total adds up losses.
func Total(losses map[string]int) int {
	total := 0
	for _, n := range losses {
		total += n
	}
	return total
}
