# Tests against the libraries that programs ask seeklet with. Included by the Makefile.

CLIENTS_VENV := .venv-clients
CLIENTS_STAMP := $(CLIENTS_VENV)/.installed
# Only modules with such tests are collected: the others may need what this environment lacks.
CLIENTS_TESTS = $(shell grep -l 'pytest\.mark\.clients' tests/test_*.py)

.PHONY: clients-setup test-clients screenshots

clients-setup: $(CLIENTS_STAMP) ## make .venv-clients with LangChain, LlamaIndex and others, pinned

$(CLIENTS_STAMP): requirements-clients.txt
	@echo "making $(CLIENTS_VENV) (about a minute) ..." >&2
	@test -x $(CLIENTS_VENV)/bin/python || $(PYTHON) -m venv $(CLIENTS_VENV)
	@$(CLIENTS_VENV)/bin/python -m pip install --disable-pip-version-check --quiet --no-deps --only-binary :all: --require-hashes -r requirements-clients.txt
	@touch $@

# torch is in .venv alone, so its Python exports what these tests ask.
test-clients: setup clients-setup ## test with LangChain, LlamaIndex, openai, MCP, schemathesis and others
	@$(CLIENTS_VENV)/bin/python -m pytest -m clients --exporter="$(abspath $(PY))" $(or $(TESTS),$(CLIENTS_TESTS))

URL ?= http://127.0.0.1:$(PORT)
screenshots: clients-setup ## take the pictures in docs/ from a service that runs: make screenshots URL=http://127.0.0.1:3000
	@$(CLIENTS_VENV)/bin/python -m dev.screenshots $(URL) --out docs/
