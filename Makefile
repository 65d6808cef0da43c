# Commands for newcomers, CONTRIBUTING.md and CI; `make help` lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash

PYTHON ?= python3
PORT ?= 3000
VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.installed
TEST_STAMP := $(VENV)/.installed-test
# PyTorch's index of CPU builds, or a mirror of it.
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu

# make run CORPUS=my.csv TEXT=title,abstract [ID=column] [METADATA=a,b] [QUERY="..."]
CORPUS ?=
TEXT ?=
ID ?=
METADATA ?=
QUERY ?=
OPTIONS ?=
# As they were typed: neither make nor the shell looks for $, quotes or backticks in them.
override export CORPUS := $(value CORPUS)
override export TEXT := $(value TEXT)
override export ID := $(value ID)
override export METADATA := $(value METADATA)
override export QUERY := $(value QUERY)
# A folder of data for the tests that need large corpora; without it they are skipped.
DATA ?=
# So many processes share the tests. Each takes 1.2 GB of memory.
JOBS ?= $(shell n=$$(nproc 2> /dev/null || sysctl -n hw.ncpu 2> /dev/null || echo 1); echo $$((n > 4 ? 4 : n)))

.PHONY: help setup test-setup run free-port stop test check format export package test-package clean
comma := ,

help: ## print this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## make .venv with pinned packages for the export, the service and the command

test-setup: $(TEST_STAMP) ## add the pinned packages of the tests and the checks to .venv

# Installed by hash, with $(1)'s Python; pip's lines about single packages are enough. Compiled afterwards, on all cores and
# without the packages' own tests, which are much.
override INSTALL = $(1) -m pip install --disable-pip-version-check --progress-bar off --no-compile --no-deps --require-hashes
override SHOWN := 2>&1 | grep --line-buffered -E '^(Collecting|Installing|ERROR|error)' >&2; test $${PIPESTATUS[0]} -eq 0 || exit 1
override COMPILE = $(1) -m compileall -qq -j 0 -x 'site-packages/.*/tests/' "$$($(1) -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" || true
override TORCH_LOCKS := requirements-torch.txt requirements-torch-cpu.txt requirements-torch-cuda.txt

$(STAMP): requirements.txt $(TORCH_LOCKS) pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "error: $(PYTHON) is older than Python 3.11: make PYTHON=python3.11 ..." >&2; exit 2; }
	@echo "making $(VENV) and installing pinned packages (about a minute) ..." >&2
	@test -x $(PY) || $(PYTHON) -m venv $(VENV)
	@torch=$$($(PY) -m dev.torch_build --index "$(TORCH_INDEX)") || exit 2; \
	  for what in "-r requirements.txt" "$$torch"; do $(call INSTALL,$(PY)) $$what $(SHOWN); done
	@$(PY) -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation -e .
	@$(call COMPILE,$(PY))
	@touch $@

$(TEST_STAMP): requirements-test.txt $(STAMP)
	@$(call INSTALL,$(PY)) -r requirements-test.txt $(SHOWN)
	@$(call COMPILE,$(PY))
	@touch $@

ifeq ($(CORPUS),)
run: free-port build/artifact/manifest.json ## serve the demo corpus, or yours: make run CORPUS=my.csv TEXT=title,abstract
	@$(PY) -m dev.background --artifact build/artifact --port $(PORT) --query "$${QUERY:-send a text message to a phone}"
else
run: free-port
	@$(MAKE) --no-print-directory export OUT=build/own-artifact
	@$(PY) -m dev.background --artifact build/own-artifact --port $(PORT) --query "$$QUERY"
endif

# Told before an export, which takes minutes.
free-port: setup
	@$(PY) -m dev.background --check --port $(PORT)

stop: ## end the service that `make run` started
	@$(PY) -m dev.background --stop

build/demo.jsonl: export/corpus/demo.py | $(STAMP)
	@$(PY) -m seeklet demo-corpus $@

build/artifact/manifest.json: build/demo.jsonl $(wildcard export/*.py export/*/*.py handler/*.py) | $(STAMP)
	@$(PY) -m seeklet export --corpus build/demo.jsonl --text text --id id --metadata service,operation --out build/artifact
	@touch $@

OUT ?= build/own-artifact
export: setup ## make an artifact of your corpus: make export CORPUS=my.csv TEXT=title,abstract OUT=artifact
	@test -n "$$CORPUS" || { echo 'error: which file? make $@ CORPUS=my.csv TEXT=title,abstract' >&2; exit 2; }
	@test -n "$$TEXT" || { echo "error: which columns are the text? make $@ CORPUS=$$CORPUS TEXT=title,abstract" >&2; exit 2; }
	@$(PY) -m seeklet export --corpus "$$CORPUS" --text "$$TEXT" $${ID:+--id "$$ID"} $${METADATA:+--metadata "$$METADATA"} --out "$(OUT)" $(OPTIONS)

test: test-setup ## run the tests that need no other program; DATA=folder runs those with large corpora too
	@$(PY) -m pytest $(if $(DATA),--data="$(DATA)") $(or $(TESTS),-n $(JOBS) --dist loadfile tests)

check: test-setup ## run ruff, mypy --strict and the import contracts
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports

format: test-setup ## format all the code
	@$(VENV)/bin/ruff format .
	@$(VENV)/bin/ruff check --fix .

package: test-setup ## build wheel and sdist into dist/, in the place of those that are there
	@mkdir -p build
	@rm -f dist/seeklet-*.whl dist/seeklet-*.tar.gz
	@$(PY) -m build --no-isolation --outdir dist . > build/package.log 2>&1 || { cat build/package.log >&2; exit 1; }
	@ls -l dist

test-package: test-setup ## install both in empty environments, and answer a query there (a few minutes)
	@$(PY) -m pytest -m package $(or $(TESTS),tests)

clean: ## delete everything that was made, except .venv
	@rm -rf build dist .aws-sam

# Makes $(1), an environment with the packages of the lock $(2), which sees those of .venv after its own.
define BESIDE
@test -x $(1)/bin/python || $(PY) -m venv $(1)
@$(1)/bin/python -m pip install --disable-pip-version-check --quiet --no-deps --only-binary :all: --require-hashes -r $(2)
@$(PY) -c 'import sysconfig; print(sysconfig.get_path("purelib"))' \
  > "$$($(1)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/main-environment.pth"
@touch $@
endef

include mk/lambda.mk mk/cdk.mk mk/bench.mk mk/docs.mk mk/clients.mk mk/scale.mk mk/supply.mk mk/soak.mk
