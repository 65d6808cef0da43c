# Commands for newcomers, CONTRIBUTING.md and CI; `make help` lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash

PYTHON ?= python3
PORT ?= 3000
VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.installed

# make run CORPUS=my.csv TEXT=title,abstract [ID=column] [METADATA=a,b] [QUERY="..."]
CORPUS ?=
TEXT ?=
ID ?=
METADATA ?=
QUERY ?=
OPTIONS ?=
# A folder of data for the tests that need large corpora; without it they are skipped.
DATA ?=

.PHONY: help setup run stop test check format export package test-package clean
comma := ,

help: ## print this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## make .venv with pinned packages for the export and the tests

# Installed by hash, except torch: requirements-torch.txt says why.
$(STAMP): requirements.txt requirements-torch.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "error: $(PYTHON) is older than Python 3.11: make PYTHON=python3.11 ..." >&2; exit 2; }
	@echo "making $(VENV) and installing pinned packages (about a minute) ..." >&2
	@test -x $(PY) || $(PYTHON) -m venv $(VENV)
	@for what in "--no-deps --require-hashes -r requirements.txt" "-r requirements-torch.txt"; do \
	  $(PY) -m pip install --disable-pip-version-check --progress-bar off $$what 2>&1 | grep --line-buffered -E '^(Collecting|Installing|ERROR|error)' >&2; test $${PIPESTATUS[0]} -eq 0 || exit 1; done
	@$(PY) -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation -e .
	@touch $@

ifeq ($(CORPUS),)
run: build/artifact/manifest.json ## serve the demo corpus, or yours: make run CORPUS=my.csv TEXT=title,abstract
	@$(PY) -m dev.background --artifact build/artifact --port $(PORT) --query "$(if $(QUERY),$(QUERY),send a text message to a phone)"
else
run: setup
	@test -n "$(TEXT)" || { echo 'error: which columns are the text? make run CORPUS=$(CORPUS) TEXT=title,abstract' >&2; exit 2; }
	@$(MAKE) --no-print-directory export OUT=build/own-artifact
	@$(PY) -m dev.background --artifact build/own-artifact --port $(PORT) $(if $(QUERY),--query "$(QUERY)")
endif

stop: ## end the service that `make run` started
	@$(PY) -m dev.background --stop

build/demo.jsonl: export/corpus/demo.py | $(STAMP)
	@$(PY) -m seeklet demo-corpus $@

build/artifact/manifest.json: build/demo.jsonl $(wildcard export/*.py export/*/*.py handler/*.py) | $(STAMP)
	@$(PY) -m seeklet export --corpus build/demo.jsonl --text text --id id --metadata service,operation --out build/artifact
	@touch $@

OUT ?= build/own-artifact
export: setup ## make an artifact of your corpus: make export CORPUS=my.csv TEXT=title,abstract OUT=artifact
	@$(PY) -m seeklet export --corpus "$(CORPUS)" --text "$(TEXT)" $(if $(ID),--id "$(ID)") $(if $(METADATA),--metadata "$(METADATA)") --out "$(OUT)" $(OPTIONS)

test: setup ## run all the tests; DATA=folder runs those with large corpora too
	@$(PY) -m pytest $(if $(DATA),--data="$(DATA)") $(or $(TESTS),tests)

check: setup ## run ruff, mypy --strict and the import contracts
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports

format: setup ## format all the code
	@$(VENV)/bin/ruff format .
	@$(VENV)/bin/ruff check --fix .

package: setup ## build wheel and sdist into dist/
	@mkdir -p build
	@$(PY) -m build --no-isolation --outdir dist . > build/package.log 2>&1 || { cat build/package.log >&2; exit 1; }
	@ls -l dist

test-package: setup ## install both in empty environments, and answer a query there (a few minutes)
	@$(PY) -m pytest -m package $(or $(TESTS),tests)

clean: ## delete everything that was made, except .venv
	@rm -rf build dist .aws-sam

include mk/lambda.mk mk/cdk.mk mk/bench.mk mk/docs.mk mk/clients.mk mk/scale.mk mk/soak.mk
