module github.com/otelcol-risk/otelcol-risk/tests

go 1.26.0

require (
	github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter v0.0.0
	github.com/otelcol-risk/otelcol-risk/processor/riskprocessor v0.0.0
	github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver v0.0.0
)

replace (
	github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter => ../exporter/kafkaexporter
	github.com/otelcol-risk/otelcol-risk/processor/riskprocessor => ../processor/riskprocessor
	github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver => ../receiver/ebpfreceiver
)
