# vipkeeper: `make help` lists the targets.
.DEFAULT_GOAL := help
.PHONY: help venv requirements conformance format lint types contracts unit netns chaos e2e test bench packages demo demo-down crds clean

# The first one that runs and is new enough: a name on the PATH may be an empty shim.
PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { command -v $$python; break; }; done)
BIN := .venv/bin

help: ## this list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

# Debian has a package of its own for it. It is named before it is installed.
define INSTALL_ENSUREPIP
package=$$($(PYTHON) -c 'import sys; print(f"python3.{sys.version_info.minor}-venv")'); \
if [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then \
	echo "venv: $(PYTHON) cannot make a venv; install the package $$package (Debian's name)" >&2; exit 1; \
fi; \
echo "venv: installing the Debian package $$package"; \
apt-get install -y -q --no-install-recommends $$package >/dev/null 2>&1 || \
	{ apt-get update -q >/dev/null && apt-get install -y -q --no-install-recommends $$package >/dev/null; }
endef

venv: .venv/.ready ## .venv with the project (editable) and the pinned, hashed dependencies

.venv/.ready: requirements/dev.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo 'venv: no Python 3.11 or newer on the PATH; install one, or name it: make venv PYTHON=...' >&2; exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -c 'import ensurepip' 2>/dev/null || { $(INSTALL_ENSUREPIP); }
	@echo "venv: installing the pinned dependencies into .venv (about a minute when nothing is cached)"
	@test -x $(BIN)/pip || $(PYTHON) -m venv .venv
	@$(BIN)/pip install --quiet --require-hashes -r requirements/dev.txt
	@$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

requirements: ## compile requirements/*.txt from pyproject.toml again (needs uv on the PATH)
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header pyproject.toml -o requirements/runtime.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header pyproject.toml --group dev -o requirements/dev.txt

crds: venv ## generate the CRDs (crds/ and the chart's copy) from operator/vipkeeper/spec
	@$(BIN)/vipkeeper crds --output crds
	@$(BIN)/vipkeeper crds --output charts/vipkeeper/files/crds

conformance: venv ## write docs/conformance.md: RFC 9568 rule by rule, and its tests
	@$(BIN)/python -m tests.conformance

format: venv ## format the Python code
	@$(BIN)/ruff format operator tests
	@$(BIN)/ruff check --fix --quiet operator tests

lint: venv ## ruff: rules and format
	@$(BIN)/ruff check operator tests
	@$(BIN)/ruff format --check operator tests

types: venv ## mypy, strict
	@$(BIN)/mypy

contracts: venv ## import-linter: who may import whom
	@$(BIN)/lint-imports --no-logo

# Files of tests side by side: each makes its own namespaces. The cluster's tests run alone, for they measure.
SIDE_BY_SIDE := -n 4 --dist loadfile
QUICK_SUITES := tests/unit tests/scenarios tests/property tests/golden
OWN_API_SERVER := tests/e2e/test_controller_with_its_own_api_server.py

unit: venv ## unit, scenarios, property and golden tests
	@$(BIN)/pytest $(SIDE_BY_SIDE) $(QUICK_SUITES)

netns: venv packages ## engines in network namespaces (root)
	@$(BIN)/pytest $(SIDE_BY_SIDE) tests/netns

e2e: venv packages ## the chart on a real kind cluster (root, or docker/podman)
	@$(BIN)/pytest tests/e2e

test: venv packages lint types contracts ## everything
	@failed=0; \
	$(BIN)/pytest $(SIDE_BY_SIDE) $(QUICK_SUITES) tests/netns $(OWN_API_SERVER) || failed=1; \
	$(BIN)/pytest tests/e2e --ignore $(OWN_API_SERVER) || failed=1; \
	exit $$failed

bench: venv packages ## side by side with keepalived, 14 minutes (QUICK=1: 5, ONLY=many,junk: these); writes docs/benchmarks.md (root)
	@$(BIN)/python -m tests.bench $(if $(QUICK),--quick) $(if $(ONLY),--only $(ONLY))

SEED ?=
SECONDS ?= 300
NODES ?= 3
chaos: venv ## faults drawn from a seed, every kernel watched: SEED=7 SECONDS=300 NODES=3 INTERVAL=100 (root)
	@$(BIN)/python -m tests.chaos $(addprefix --seed ,$(SEED)) --seconds $(SECONDS) --nodes $(NODES) $(if $(INTERVAL),--interval $(INTERVAL))

packages: venv
	@$(BIN)/python -m tests.packages

demo: venv ## a cluster, the chart, an address that answers, a node that fails before your eyes, a firewall, a move
	@$(BIN)/python -m tests.demo

demo-down: venv ## remove what the demo made
	@$(BIN)/python -m tests.cluster down

clean: ## remove the venv and caches of this checkout
	@rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis operator/*.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
