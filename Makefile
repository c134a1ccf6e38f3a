# On Windows, use WSL: the tests stop and resume real servers by signals.

GO       ?= go
FUZZTIME ?= 10s
TIMEOUT  ?= 15m
SLOWEST   = ./registry ./hertzadapter ./discovery ./internal/replica ./cmd/rollcall # are tested first, and others beside them
TOOL      = $(GO) tool -modfile=tools/go.mod
NESTED    = $(GO) tool -modfile=$(CURDIR)/tools/go.mod

# The server to test: the path of another redis-server or valkey-server, which
# runs as a Sentinel too. Tests run in the directory of their package, so a
# relative path is made absolute; a plain name is looked for in PATH.
override REDIS_SERVER := $(if $(findstring /,$(REDIS_SERVER)),$(abspath $(REDIS_SERVER)),$(REDIS_SERVER))
export REDIS_SERVER

.DEFAULT_GOAL := help

.PHONY: help test load lint cross demo fuzz bench bench-quick vuln api

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

test: ## Install the Redis servers that tests start, if missing; run every test with the race detector (REDIS_SERVER=/path: on another server)
	@GO="$(GO)" scripts/prepare-tests
	@GO="$(GO)" scripts/run-tests -race -count=1 -timeout $(TIMEOUT) $(SLOWEST) ./...
	cd deploy/check && $(GO) test -count=1 ./...
	cd oteladapter && $(GO) test -race -count=1 ./...

load: ## Run the tests that measure load and heap (build tag load), one after the other; they need a quiet machine
	@GO="$(GO)" scripts/prepare-tests
	@GO="$(GO)" scripts/run-tests -tags load -run '^TestLoad' -v -count=1 -p 1 -timeout $(TIMEOUT) \
		$$(grep -rl --include='*_load_test.go' '^func TestLoad' . | xargs -n1 dirname | sort -u)

lint: ## Run go vet, gofumpt, staticcheck and underlock, which finds log lines and callbacks under a mutex
	$(GO) vet -tags load ./...
	cd bench && $(GO) vet ./...
	cd deploy/check && $(GO) vet ./... && $(NESTED) staticcheck ./...
	cd oteladapter && $(GO) vet ./... && $(NESTED) staticcheck ./...
	@echo "$(TOOL) gofumpt -l ."; files=$$($(TOOL) gofumpt -l .) || exit 1; \
	if [ -n "$$files" ]; then \
		printf 'not formatted; run %s gofumpt -w on:\n%s\n' "$(TOOL)" "$$files" >&2; exit 1; \
	fi
	$(TOOL) staticcheck -tags load ./...
	cd tools && $(GO) vet ./... && $(GO) tool staticcheck ./... && $(GO) test -count=1 ./... && $(GO) run ./underlock ..

cross: ## Build the importable packages for other systems
	@GO="$(GO)" scripts/cross-build darwin/arm64 windows/amd64 linux/arm64

demo: ## Watch servers come, drain and crash, and a client that finds them
	$(GO) run ./cmd/rollcall demo

fuzz: ## Run every fuzz target for FUZZTIME (10s)
	@GO="$(GO)" scripts/fuzz $(FUZZTIME)

bench: ## Measure Rollcall beside its peers by turns (15 min): a table, bench/out/full.json, and bench/out/full.txt for benchstat
	@GO="$(GO)" scripts/bench full

bench-quick: ## Measure what a noisy machine can tell, in a minute; fails where a ratio is in every turn over twice that of bench/results/quick.json
	@GO="$(GO)" scripts/bench quick

vuln: ## Look for known vulnerabilities in the code that is called (govulncheck; it needs the network)
	$(TOOL) govulncheck ./...

api: ## Compare the exported API with that of the last tag, and fail where a change is incompatible (apidiff)
	@GO="$(GO)" scripts/api
