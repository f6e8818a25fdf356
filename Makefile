# Two commands do everything: `make run` and `make test`. The rest is for working on Assay.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
export ASSAY_HOME ?= $(CURDIR)/.assay
# Nothing is cached outside the clone.
export UV_CACHE_DIR := $(CURDIR)/.cache/uv
export UV_LINK_MODE := hardlink

PACKAGES := libs/core libs/models libs/wire libs/store libs/adapters libs/runtime libs/testing ingestion \
  services/gateway services/retrieval services/generation services/evaluation services/mcp services/cli \
  evals infra/embedded
SAMPLE := libs/testing/src/assay_testing/sample

.PHONY: help
help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 16

$(BIN)/python:
	@echo "[1/3] Making a virtual environment in $(VENV)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Assay needs Python 3.11 or newer; set PYTHON=python3.11")'
	@$(PYTHON) -m venv $(VENV)

# torch comes by pip, which finds a CPU build on machines that offer one; TORCH_ARGS may name an index.
$(VENV)/.torch: | $(BIN)/python
	@echo "[2/3] Installing uv and PyTorch (about a minute)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-cache-dir uv==0.13.9
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-cache-dir torch==2.13.0 $(TORCH_ARGS)
	@touch $@

$(VENV)/.installed: $(VENV)/.torch constraints.txt overrides.txt $(addsuffix /pyproject.toml,$(PACKAGES))
	@echo "[3/3] Installing Assay and its servers"
	@$(UV) pip install --quiet --python $(BIN)/python --constraints constraints.txt --build-constraints constraints.txt \
	  --overrides overrides.txt \
	  $(addprefix -e ./,$(PACKAGES))
	@touch $@

$(VENV)/.dev: $(VENV)/.installed requirements-dev.txt
	@echo "Installing the tools for tests and checks"
	@$(UV) pip install --quiet --python $(BIN)/python --constraints constraints.txt -r requirements-dev.txt
	@touch $@

.PHONY: install
install: $(VENV)/.installed ## Install everything into .venv

.PHONY: run
run: install ## Start the platform, ingest the sample documents, answer three questions
	@$(BIN)/assay up --detach --reuse --wait-for searchable
	@$(BIN)/assay ingest $(SAMPLE)/documents --collection handbook
	@$(BIN)/assay eval upload $(SAMPLE)/golden.jsonl --collection handbook --dataset golden
	@echo; echo "Search works already. The language model is next: on the first start it is installed, which takes some minutes."
	@$(BIN)/assay up --detach --reuse --wait-for generating
	@$(BIN)/assay ask "How much does parking at Arnsby cost?" --collection handbook
	@$(BIN)/assay ask "How long is an API token valid?" --collection handbook
	@$(BIN)/assay ask "Between which hours is working alone in the laboratory not allowed at Port Velden?" --collection handbook
	@$(BIN)/assay status | tail -n 1
	@echo "Stop it with: make stop"

.PHONY: stop
stop: ## Stop the platform
	@$(BIN)/assay down

.PHONY: format
format: $(VENV)/.dev ## Format the code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

.PHONY: check
check: $(VENV)/.dev ## Format, lint, types, import rules and unit tests, in about a minute
	@$(MAKE) --no-print-directory --jobs 2 --output-sync=target check-code check-types check-units

.PHONY: check-code check-types check-units
check-code: $(VENV)/.dev
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/python tests/architecture/house_sizes.py

check-types: $(VENV)/.dev
	@$(BIN)/basedpyright

check-units: $(VENV)/.dev
	@$(BIN)/pytest libs ingestion services evals infra tests -m "not integration and not e2e and not nightly"

.PHONY: test
test: check ## Everything: checks, real servers, faults, the whole platform, the UI
	@$(MAKE) --no-print-directory --jobs 3 --output-sync=target test-servers test-platform test-faults

# They wait for servers more than they compute, so they run side by side, each with servers of its own.
BESIDE := tests/faults tests/integration/gateway tests/contract tests/e2e
SERVED := "(integration or e2e) and not nightly"
.PHONY: test-servers test-platform test-faults
test-servers: $(VENV)/.dev # Servers, stores, models and services, each by itself
	@$(BIN)/pytest libs ingestion services evals infra tests $(addprefix --ignore ,$(BESIDE)) -m $(SERVED) --durations=15

test-platform: $(VENV)/.dev # The front door, its pages, and the whole platform behind it
	@$(BIN)/pytest tests/integration/gateway tests/contract tests/e2e -m $(SERVED) --durations=15

test-faults: $(VENV)/.dev # What dies on the way
	@$(BIN)/pytest tests/faults -m $(SERVED) --durations=15

.PHONY: test-nightly
test-nightly: $(VENV)/.dev ## What takes too long for every change
	@$(BIN)/pytest tests libs ingestion services infra -m nightly

# WHAT: kills, points or servers. The file remembers finished rounds: run it again to go on.
WHAT ?= kills
KILLS ?= 200
DOCUMENTS ?= 1000
SEED ?= 1
SHARD ?= 1/1
.PHONY: crash-test
crash-test: $(VENV)/.dev ## Kill processes at random moments (WHAT=points: at each step, WHAT=servers: the servers)
	@$(BIN)/python -m assay_testing.crash $(WHAT) --kills $(KILLS) --documents $(DOCUMENTS) --seed $(SEED) \
	  --shard $(SHARD) --resume test-artifacts/crash-$(WHAT)-$(SEED).jsonl

RUN_KILLS ?= 50
.PHONY: kill-test
kill-test: $(VENV)/.dev ## Kill the worker of an evaluation run at 50 random moments: every case is scored once
	@RUN_KILLS=$(RUN_KILLS) $(BIN)/pytest tests/faults/test_evaluation_kills.py -m nightly -s

.PHONY: clean
clean: ## Stop the platform and remove environments, caches and all data of this clone
	@if [ -x $(BIN)/assay ]; then $(BIN)/assay down || true; fi
	@rm -rf $(VENV) .cache .assay test-artifacts
