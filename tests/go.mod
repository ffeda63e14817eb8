module github.com/otelcol-risk/otelcol-risk/tests

go 1.26.0
