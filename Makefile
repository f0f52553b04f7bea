# `make help` lists what there is. Two commands are enough on a new machine:
# `make demo` shows it at work, `make test` checks everything.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# rustup puts cargo here, and not every shell knows.
export PATH := $(PATH):$(if $(CARGO_HOME),$(CARGO_HOME),$(HOME)/.cargo)/bin

TARGET := $(if $(CARGO_TARGET_DIR),$(CARGO_TARGET_DIR),target)
PROGRAM := $(TARGET)/debug/docker-mcp

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: build ## build, start a few containers on a real engine, and talk to them
	@scripts/engine up >/dev/null
	@examples/demo/stack up
	@examples/demo/session $(PROGRAM)
	@printf '\nThe containers are still up, to try more on: eval "$$(scripts/engine env)"\n'
	@printf '"make demo-down" removes them; "make engine-down" stops the engine, if it is the private one.\n'

.PHONY: demo-down
demo-down: ## remove the demo's containers
	@examples/demo/stack down

.PHONY: test
test: need-rust ## format, lints and all tests; with a real engine, clients, conformance and dashboards where they can be had
	@scripts/test

.PHONY: clients
clients: build ## real clients from their registries against a real engine: Python SDK, Inspector, Claude Code, a gateway, OpenID
	@scripts/engine up >/dev/null
	@PROGRAM=$(abspath $(PROGRAM)) tests/clients/run

.PHONY: conformance
conformance: build ## the conformance suite of MCP, from npm, against `serve --http` for both protocol eras (VERBOSE=1)
	@PROGRAM=$(abspath $(PROGRAM)) tests/conformance/run

.PHONY: fuzz-http
fuzz-http: build ## requests made from /openapi.json by schemathesis, at an engine of its own (EXAMPLES=N of each tool)
	@PROGRAM=$(abspath $(PROGRAM)) tests/fuzz_http/run $(or $(EXAMPLES),40)

.PHONY: dashboards
dashboards: build ## examples/prometheus and examples/grafana against a real Prometheus and an engine that dies
	@PROGRAM=$(abspath $(PROGRAM)) tests/dashboards/run

.PHONY: neverhang
neverhang: need-rust ## make every fault of docs/NEVERHANG.md happen, and write what was seen into it
	@scripts/neverhang

.PHONY: soak
soak: need-rust ## ten minutes of calls over an engine that fails now and then (SECONDS_OF_SOAK=N for another time)
	@scripts/neverhang soak $(or $(SECONDS_OF_SOAK),600)

.PHONY: killed
killed: need-rust ## kill -9 a server within its changes, 500 times, and hold the engine's events against its log (ROUNDS=N)
	@scripts/engine up >/dev/null; engine_env=$$(scripts/engine env); eval "$$engine_env"; \
	DOCKER_MCP_TEST_ENGINE=1 DOCKER_MCP_KILL_ROUNDS=$(or $(ROUNDS),500) \
	  cargo test --test it -- --nocapture audit::killed

.PHONY: crowd
crowd: need-rust ## 200 callers over HTTP, 10,000 calls: none lost, roles never mixed, memory flat (CALLS=N)
	@scripts/engine up >/dev/null; engine_env=$$(scripts/engine env); eval "$$engine_env"; \
	DOCKER_MCP_TEST_ENGINE=1 DOCKER_MCP_CALLS=$(or $(CALLS),10000) \
	  cargo test --test it -- --nocapture http::many

.PHONY: bench
bench: need-rust ## measure, with a real engine where one can be had
	@if [ -x scripts/bench ]; then exec scripts/bench; fi; \
	rc=0; scripts/engine up >/dev/null || rc=$$?; \
	if [ $$rc = 0 ]; then engine_env=$$(scripts/engine env); eval "$$engine_env"; export DOCKER_MCP_TEST_ENGINE=1; \
	elif [ $$rc != 3 ]; then exit $$rc; fi; \
	cargo bench

.PHONY: image
image: build ## pack an image, and run it behind a socket proxy as examples/deploy has it (PROGRAM=path for another program)
	@PROGRAM=$(abspath $(PROGRAM)) scripts/image

.PHONY: build
build: need-rust ## compile (development profile)
	@cargo build

.PHONY: fmt
fmt: need-rust ## format the source
	@cargo fmt

.PHONY: lint
lint: need-rust ## what must be clean: format and clippy
	@cargo fmt --check
	@cargo clippy --all-targets -- -D warnings

.PHONY: clean
clean: ## remove what was compiled (the engine's downloads stay: scripts/engine purge)
	@cargo clean

.PHONY: engine-up
engine-up: ## a Docker engine with the base image: the one at hand, else a private one
	@scripts/engine up

.PHONY: engine-down
engine-down: ## stop the private engine
	@scripts/engine down

.PHONY: need-rust
need-rust:
	@command -v cargo >/dev/null || { \
	  echo 'Rust is missing: install it with rustup (its site, or the package rustup), then run this again.' >&2; exit 2; }
	@command -v cc >/dev/null || command -v clang >/dev/null || { \
	  echo 'A C compiler is missing, which Rust links with: install the packages gcc and libc6-dev, then run this again.' >&2; exit 2; }
