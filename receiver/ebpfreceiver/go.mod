module github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver

go 1.26.0
