# vipkeeper: `make help` lists the targets.
.DEFAULT_GOAL := help
.PHONY: help venv requirements conformance format lint types contracts unit netns e2e test packages demo demo-down crds clean

PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
BIN := .venv/bin

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

venv: .venv/.ready ## .venv with the project (editable) and the pinned, hashed dependencies

.venv/.ready: requirements/dev.txt pyproject.toml
	@echo "venv: installing the pinned dependencies into .venv (about a minute when nothing is cached)"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
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
	@$(BIN)/lint-imports --no-logo 2>/dev/null || $(BIN)/lint-imports

unit: venv ## unit, scenarios, property and golden tests
	@$(BIN)/pytest tests/unit tests/scenarios tests/property tests/golden

netns: venv packages ## engines in network namespaces (root)
	@$(BIN)/pytest tests/netns

e2e: venv packages ## the chart on a real kind cluster (root, or docker/podman)
	@$(BIN)/pytest tests/e2e

test: venv packages lint types contracts ## everything
	@$(BIN)/pytest tests

packages: venv
	@$(BIN)/python -m tests.packages

demo: venv ## a cluster, the chart, an address that answers, a node that fails before your eyes
	@$(BIN)/python -m tests.demo

demo-down: venv ## remove what the demo made
	@$(BIN)/python -m tests.cluster down

clean: ## remove the venv and caches of this checkout
	@rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis operator/*.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
