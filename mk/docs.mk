# The site of docs/. Included by the Makefile.

DOCS_VENV := .venv-docs
DOCS_STAMP := $(DOCS_VENV)/.installed

.PHONY: docs docs-serve

$(DOCS_STAMP): requirements-docs.txt
	@echo "making $(DOCS_VENV) ..." >&2
	@test -x $(DOCS_VENV)/bin/python || $(PYTHON) -m venv $(DOCS_VENV)
	@$(DOCS_VENV)/bin/python -m pip install --disable-pip-version-check --quiet --no-deps --only-binary :all: --require-hashes -r requirements-docs.txt
	@touch $@

# The commands' help on it is printed by the commands, so their packages are needed too.
docs: $(STAMP) $(DOCS_STAMP) ## the site of docs/ into build/site; a dead link or a missing page fails
	@SEEKLET_PYTHON="$(abspath $(PY))" NO_MKDOCS_2_WARNING=1 $(DOCS_VENV)/bin/mkdocs build --strict --quiet
	@echo "build/site/index.html"

docs-serve: $(STAMP) $(DOCS_STAMP) ## the site on http://127.0.0.1:8000, built anew with every change
	@SEEKLET_PYTHON="$(abspath $(PY))" NO_MKDOCS_2_WARNING=1 $(DOCS_VENV)/bin/mkdocs serve
