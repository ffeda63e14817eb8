// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package harness

// Names of the counters that say where spans went other than into Kafka.
const (
	sampledOut    = "otelcol_processor_risk_spans_sampled_out"
	receiverLost  = "otelcol_receiver_ebpf_lost"
	sendFailed    = "otelcol_exporter_send_failed_spans"
	enqueueFailed = "otelcol_exporter_enqueue_failed_spans"
)

// SampledOut returns how many spans the risk processor has dropped on purpose.
func (m Metrics) SampledOut() int { return int(m.Sum(sampledOut)) }

// Losses returns how many spans were lost, by component and reason. Reasons without a loss are left out. What a
// receiver of spans refuses is not among them: its client knows, and may try again.
func (m Metrics) Losses() map[string]int {
	losses := map[string]int{}
	for reason, n := range m.By(receiverLost, "reason") {
		if n != 0 {
			losses["ebpf: "+reason] = int(n)
		}
	}
	for reason, name := range map[string]string{"send failed": sendFailed, "queue full": enqueueFailed} {
		if n := m.Sum(name); n != 0 {
			losses["kafka: "+reason] = int(n)
		}
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
