module github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter

go 1.26.0
