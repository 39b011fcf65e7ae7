# The project's commands; `make` lists them. A fresh machine needs python3 (3.11 or newer, with venv), make and git.

PYTHON ?= python3
export SOURCE FILE
VENV   := .venv
BIN    := $(VENV)/bin
BENCH  := .venv-bench
INSTALL := -m pip --disable-pip-version-check install --quiet --require-hashes
PIP    := $(BIN)/python $(INSTALL)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

ingest: $(VENV)/.local ## ingest SOURCE (default data/sample) into the embedded local lake
	@$(BIN)/python -m deployments.local.ingest $(if $(SOURCE),"$$SOURCE")

analysis: $(VENV)/.analysis ## four questions about films, answered on a sample of real ones, without a TMDB key
	@$(BIN)/python -m deployments.local.analysis

up: $(VENV)/.local ## local stack in the foreground: server with UI, lake, worker, deployments (UI_PORT, LAKE_PORT, BROWSE_PORT)
	@$(BIN)/python -m deployments.local.up

run: $(VENV)/.local ## start ingest-raw/daily on the stack that `make up` runs, and follow it (SOURCE)
	@$(BIN)/python -m deployments.local.run $(if $(SOURCE),"$$SOURCE")

backfill: $(VENV)/.local ## ingest each day in order, FROM=yyyy-mm-dd TO=yyyy-mm-dd (SOURCE=some/folder/%Y-%m-%d)
	@$(BIN)/python -m deployments.local.backfill "$(FROM)" "$(TO)" $(if $(SOURCE),"$$SOURCE")

look: $(VENV)/.local ## show what a file is: what was found, its profile, first rows, and what to state (FILE)
	@$(BIN)/python -m flows.lake.tables "$$FILE"

catalog: $(VENV)/.local ## make the pages of the embedded lake anew from its manifests (every run refreshes them)
	@$(BIN)/python -m deployments.local.catalog

suggest: $(VENV)/.local ## print a first datasets.yaml for a folder, for a person to read (SOURCE)
	@$(BIN)/python -m flows.suggest "$$SOURCE"

promote: $(VENV)/.local ## copy the lake to another one, TO=block/bucket (FROM=block/bucket), and follow it
	@$(BIN)/python -m deployments.local.promote "$(TO)" $(if $(FROM),"$(FROM)")

deploy: $(VENV)/.local ## work pools, deployments and automations on the server of PREFECT_API_URL (NOTIFY)
	@$(BIN)/python -m deployments.deploy --notify "$(NOTIFY)"

block: $(VENV)/.local ## store AWS credentials in an encrypted Prefect block
	@$(BIN)/python -m blocks.register

rotate: $(VENV)/.local ## encrypt the stack's blocks under a new key, while it is down
	@$(BIN)/python -m deployments.local.rotate

test: $(VENV)/.dev ## run every test
	@$(BIN)/python -m pytest -n 4 --dist loadfile

check: $(VENV)/.dev ## format, lint, types, import rule, release (version, pins, the README's commands)
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m tests.tools.release

soak: $(VENV)/.dev ## 200 runs in one local stack; writes what grows to docs/soak.svg and docs/soak.json (half an hour)
	@$(BIN)/python -m benchmarks.soak --write

data: $(VENV)/.python ## write the reference data at full size to data/full
	@$(BIN)/python -m benchmarks.make_data

bench: $(BENCH)/.ready ## measure against peers, and write benchmarks/RESULTS-*.md (half an hour)
	@for file in benchmarks/bench_*.py; do \
	  echo "$$file"; $(BENCH)/bin/python -m benchmarks.$$(basename $$file .py) --write || exit 1; done

lock: $(BENCH)/.ready ## write locks/ from pyproject.toml anew, with hashes and without download addresses
	@lock="$(BENCH)/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	    --no-emit-index-url --custom-compile-command 'make lock' pyproject.toml"; \
	eval $$lock -o locks/run.txt && \
	for set in dask analysis local dev bench; do \
	  eval $$lock --group $$set -c locks/run.txt -o locks/$$set.txt || exit 1; done

clean: ## remove the virtual environment, the local lake and the local Prefect home
	rm -rf $(VENV) $(BENCH) lake .prefect .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

# Each set is installed once, and again only when its requirements change.
$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; this is " + sys.version.split()[0] + ". Name another one: make PYTHON=python3.12 ...")'
	@echo "Creating $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.local: locks/local.txt | $(VENV)/.python
	@echo "Installing what a run needs (a few minutes the first time)"
	@$(PIP) -r locks/local.txt
	@touch $@

$(VENV)/.analysis: locks/local.txt locks/analysis.txt | $(VENV)/.python
	@echo "Installing what the analysis of films needs (a few minutes the first time)"
	@$(PIP) -r locks/local.txt
	@$(PIP) -r locks/analysis.txt
	@touch $@ $(VENV)/.local

$(VENV)/.dev: locks/dev.txt | $(VENV)/.python
	@echo "Installing what tests and checks need (a few minutes the first time)"
	@$(PIP) -r locks/dev.txt
	@touch $@ $(VENV)/.local $(VENV)/.analysis

# The peers live apart: with pyarrow beside it, pandas reads text another way.
$(BENCH)/.ready: locks/bench.txt | $(VENV)/.python
	@echo "Installing the peers of the benchmarks (a few minutes the first time)"
	@$(PYTHON) -m venv $(BENCH)
	@$(BENCH)/bin/python $(INSTALL) -r locks/bench.txt
	@touch $@

.PHONY: help ingest analysis up run backfill look suggest catalog promote deploy block rotate test check soak data bench lock clean
