# vipkeeper: `make help` lists the targets.
.DEFAULT_GOAL := help
.PHONY: help venv requirements format lint types contracts unit netns e2e test demo demo-down crds clean

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
