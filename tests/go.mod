module github.com/otelcol-risk/otelcol-risk/tests

go 1.26.0

require (
	github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter v0.0.0
	github.com/otelcol-risk/otelcol-risk/processor/riskprocessor v0.0.0
	github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver v0.0.0
)

require (
	github.com/cilium/ebpf v0.22.0 // indirect
	github.com/klauspost/compress v1.20.3 // indirect
	github.com/pierrec/lz4/v4 v4.1.33 // indirect
	github.com/prometheus/client_model v0.6.2 // indirect
	github.com/prometheus/common v0.70.1 // indirect
	github.com/twmb/franz-go v1.22.2 // indirect
	github.com/twmb/franz-go/pkg/kfake v0.0.0-20260918054303-01f206a7e32c // indirect
	github.com/twmb/franz-go/pkg/kmsg v1.15.0 // indirect
	go.opentelemetry.io/collector/pdata v1.64.0 // indirect
	go.uber.org/goleak v1.3.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
)

replace (
	github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter => ../exporter/kafkaexporter
	github.com/otelcol-risk/otelcol-risk/processor/riskprocessor => ../processor/riskprocessor
	github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver => ../receiver/ebpfreceiver
)
