# Everything this repository can do, by name: `make help` lists it.
#
# The go commands run with GOWORK=off, so that each module is built and tested against the versions its own
# go.mod names, as whoever imports it will get them. go.work is for editors.
SHELL         := bash
.SHELLFLAGS   := -euo pipefail -c
.DEFAULT_GOAL := help

export GOWORK := off
unexport GOFLAGS

GO         ?= go
ROOT       := $(CURDIR)
BIN        := $(ROOT)/bin/otelcol-risk
COMPONENTS := receiver/ebpfreceiver processor/riskprocessor exporter/kafkaexporter extension/riskstate extension/riskcrs
MODULES    := $(COMPONENTS) tests tests/bench tests/eval
ARCHES     := amd64 arm64
CLANG      ?= clang-19

# `go tool -n` builds a tool, at the version in tools/go.mod, and prints where it is.
tool        = $$($(GO) -C $(ROOT)/tools tool -n $(1))
linter      = $$($(GO) -C $(ROOT)/tools/lint tool -n golangci-lint)
# Without version control stamps and paths two checkouts give the same bytes. grpcnotrace drops a debug page that
# would keep the linker from removing unused methods of every type; no_fs_access keeps Coraza from asking for a folder
# to write to, which an image without one does not have.
BUILD_FLAGS := -trimpath -buildvcs=false -tags=grpcnotrace,no_fs_access -ldflags='-s -w'

# Tests and the demo start the collector from here.
export OTELCOL_RISK_BIN := $(BIN)

# Runs a command in each module, also after one has failed: $(call each-module,MODULES,COMMAND).
each-module = failed=; for m in $(1); do echo ">> $$m"; (cd "$$m" && $(2)) || failed+=" $$m"; done; \
	if [ -n "$$failed" ]; then echo "failed in:$$failed" >&2; exit 1; fi

.PHONY: help
help: ## This list
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z0-9-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

##@ Build

.PHONY: build
build: ## bin/otelcol-risk for this machine: static, reproducible
	cd distro && CGO_ENABLED=0 $(GO) build $(BUILD_FLAGS) -o $(BIN) .

.PHONY: build-all
build-all: ## bin/otelcol-risk-linux-{amd64,arm64}
	cd distro && for arch in $(ARCHES); do \
		CGO_ENABLED=0 GOOS=linux GOARCH=$$arch $(GO) build $(BUILD_FLAGS) -o $(BIN)-linux-$$arch .; done
	cd bin && sha256sum otelcol-risk-linux-*

.PHONY: build-check
build-check: build ## Build again in another folder with an empty cache: must give the same SHA-256
	scripts/build-check.sh $(BIN)

.PHONY: import-check
import-check: ## Build a collector around each component alone, as another distribution would
	scripts/import-check.sh $(COMPONENTS)

.PHONY: clean
clean: ## Remove bin/ and build/
	rm -rf bin build

##@ Generate

.PHONY: generate
generate: metadata bpf proto distro ## All generated files: metadata, bpf, proto, distro

.PHONY: metadata
metadata: ## Component telemetry, status and documentation from each metadata.yaml (mdatagen)
	@$(call each-module,$(COMPONENTS),$(call tool,mdatagen) metadata.yaml)

.PHONY: proto
proto: ## Go code of the scoring API's score.proto (needs protobuf-compiler)
	cd extension/riskstate/scorepb && protoc --plugin=protoc-gen-go=$(call tool,protoc-gen-go) \
		--plugin=protoc-gen-go-grpc=$(call tool,protoc-gen-go-grpc) --go_out=paths=source_relative:. \
		--go-grpc_out=paths=source_relative:. score.proto

.PHONY: bpf
bpf: ## BPF objects and their Go bindings (bpf2go; needs clang-19, llvm-19 and libbpf-dev)
	export BPF2GO_CFLAGS="-I/usr/include/$$(uname -m)-linux-gnu" && cd receiver/ebpfreceiver && \
		$(GO) generate ./internal/bpfobj/... && cd ../../tests && $(GO) generate ./overhead/reference

.PHONY: distro
distro: ## distro/ from builder-config.yaml (ocb)
	$(call tool,builder) --config builder-config.yaml --skip-compilation --skip-strict-versioning=false

.PHONY: generate-check
generate-check: ## Generate everything: must change nothing
	scripts/generate-check.sh

.PHONY: bpf-size
bpf-size: ## Instructions of every BPF program, and how many the verifier looked at, beside the budget (as root)
	cd receiver/ebpfreceiver && $(GO) test -count=1 -v -run ProgramsKeepToTheirSize ./internal/bpfobj

##@ Test

.PHONY: test
test: build ## Everything. Lists what was skipped and what to install; REQUIRE_ALL=1 makes a skip a failure
	scripts/test.sh "plain race" $(MODULES)

.PHONY: test-unit
test-unit: ## The components' own tests, without the race detector
	scripts/test.sh plain $(COMPONENTS)

.PHONY: test-race
test-race: ## The same under the race detector (needs a C compiler)
	scripts/test.sh race $(COMPONENTS)

.PHONY: test-ebpf
test-ebpf: ## The receiver's tests on the running kernel (as root)
	scripts/test.sh plain receiver/ebpfreceiver

.PHONY: kernels
kernels: ## The receiver's tests on Debian's 5.10, 6.1 and 6.12 in qemu, and on the running kernel (as root)
	tests/kernels/run.sh

.PHONY: kernels-quick
kernels-quick: ## Load, verify, attach and one conversation of every protocol on 5.10 and 6.1 in qemu; nothing may be skipped
	tests/kernels/run.sh -quick

.PHONY: chaos-redis
chaos-redis: ## Redis paused, slow, reset, without replies, failed over and clustered for CHAOS_TIME (10s) each: totals must be exact
	cd extension/riskstate && CHAOS_TIME=$${CHAOS_TIME:-10s} $(GO) test -count=1 -v -timeout=20m \
		-run 'Faults|Cluster|Failover|Forgets' ./internal/fleet

.PHONY: chaos-kafka
chaos-kafka: KILLS ?= 100
chaos-kafka: RELEASE ?= 4
chaos-kafka: ## Three real Kafka brokers restarted and killed under load, KILLS=100 times, RELEASE=4 or 3; the last line is one JSON object
	cd tests && $(GO) run ./kafka/chaos -kills $(KILLS) -release $(RELEASE)

.PHONY: test-e2e
test-e2e: build ## Sockets in, Kafka out: the built binary against real peers and brokers
	scripts/test.sh plain tests

.PHONY: bench
bench: build ## Benchmarks; the last line is one JSON object
	cd tests/bench && $(GO) run .

.PHONY: bench-logs
bench-logs: ## Age of a log record when it leaves the receiver, in percentiles (as root)
	scripts/bench-logs.sh

.PHONY: bench-spans
bench-spans: ## eBPF receiver: CPU time and allocations a span, from recorded records to pdata; the last line is one JSON object
	scripts/bench-spans.sh

.PHONY: bench-risk
bench-risk: ## Risk processor: CPU a span, a flood of ten million keys, a million entities; the last line is one JSON object
	scripts/bench-risk.sh

.PHONY: bench-kafka
bench-kafka: ## Our Kafka exporter beside contrib's, held against what was asked; the last line is one JSON object
	cd tests/bench && $(GO) run . -run exporter -pairs 5

.PHONY: eval
eval: DATA ?= ../shared/data/nezha
eval: ## Learned outliers on labelled faults in real traces, DATA=folder; the last line is one JSON object
	@cd tests/eval && $(GO) run . -data "$(abspath $(DATA))"

.PHONY: eval-packs
eval-packs: ## Rule packs on public sets of attacks, log lines and user agents (downloads them); the last line is one JSON object
	@scripts/eval-packs.sh

.PHONY: bench-score
bench-score: build ## Scoring API with 5,000 connections beside a plain net/http server, and with Redis stopped (needs wrk, redis-server)
	cd tests && $(GO) run ./score

.PHONY: replay
replay: ## Rules over recorded OTLP: make replay ARGS='-config c.yaml -rules r.yaml -against new.yaml traces.json'
	@# File names count from here.
	@$(GO) -C processor/riskprocessor build -o $(ROOT)/build/replay ./cmd/replay && build/replay $(ARGS)

OVERHEAD := cd tests && $(GO) build -o $(ROOT)/build/overhead ./overhead && exec
.PHONY: bench-kernel
bench-kernel: ## Time in the kernel a request, beside tracepoints on system calls (as root; needs nginx and wrk)
	$(OVERHEAD) unshare --mount sh -c 'mount -t tracefs tracefs /sys/kernel/tracing && exec $(ROOT)/build/overhead kernel'

.PHONY: bench-overhead
bench-overhead: ## Requests that nginx and wrk keep under the receiver; CPU time and latency at a steady rate; losses
	$(OVERHEAD) $(ROOT)/build/overhead saturate,http2,steady,curve -pairs 8

.PHONY: bench-memory
bench-memory: ## Memory of the receiver with 50,000 open connections, and under churn
	$(OVERHEAD) $(ROOT)/build/overhead memory

.PHONY: demo
demo: build ## 30 seconds of a small shop under attack, scored, in a table (as root: from real sockets)
	cd tests/demo && $(GO) run .

##@ Keep in shape

.PHONY: lint
lint: export GOLANGCI_LINT_CACHE := $(ROOT)/build/lint
lint: ## golangci-lint with the import boundaries of .golangci.yml
	@# A cache of this checkout's own: findings of another one would carry its paths, which no exclusion knows. Modules of
	@# the workspace share what they import, so they are read together; tests/bench has versions of its own.
	GOWORK=$(ROOT)/go.work $(linter) run --allow-serial-runners --config .golangci.yml $(patsubst %,./%/...,$(filter-out tests/bench,$(MODULES)))
	cd tests/bench && $(linter) run --allow-serial-runners --config $(ROOT)/.golangci.yml ./...

.PHONY: fmt
fmt: ## Format Go (gofumpt) and, where clang-format is installed, BPF C
	$(call tool,gofumpt) -l -w $(MODULES)
	@if command -v clang-format-19 >/dev/null; then \
		find receiver/ebpfreceiver/bpf -name '*.[ch]' -exec clang-format-19 -i {} +; fi

.PHONY: budgets
budgets: ## Length of files and functions, package comments, leftovers
	cd tests && $(GO) test -count=1 ./budgets

.PHONY: tidy
tidy: ## go mod tidy in every module
	@$(call each-module,$(MODULES) tools tools/lint,$(GO) mod tidy)
