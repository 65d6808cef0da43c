# The site of docs/. Included by the Makefile.

DOCS_VENV := .venv-docs
DOCS_STAMP := $(DOCS_VENV)/.installed

.PHONY: docs docs-serve

$(DOCS_STAMP): requirements-docs.txt
	@echo "making $(DOCS_VENV) ..." >&2
	@test -x $(DOCS_VENV)/bin/python || $(PYTHON) -m venv $(DOCS_VENV)
	@$(DOCS_VENV)/bin/python -m pip install --disable-pip-version-check --quiet --no-deps --only-binary :all: --require-hashes -r requirements-docs.txt
	@touch $@

# The site shows the commands' help, which the commands print, so their packages are needed too.
docs: $(STAMP) $(DOCS_STAMP) ## build the site of docs/ into build/site; a dead link is an error
	@SEEKLET_PYTHON="$(abspath $(PY))" NO_MKDOCS_2_WARNING=1 $(DOCS_VENV)/bin/mkdocs build --strict --quiet
	@echo "build/site/index.html"

docs-serve: $(STAMP) $(DOCS_STAMP) ## serve the site on http://127.0.0.1:8000, and rebuild it after every change
	@SEEKLET_PYTHON="$(abspath $(PY))" NO_MKDOCS_2_WARNING=1 $(DOCS_VENV)/bin/mkdocs serve
