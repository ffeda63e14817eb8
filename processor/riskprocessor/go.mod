module github.com/otelcol-risk/otelcol-risk/processor/riskprocessor

go 1.26.0
