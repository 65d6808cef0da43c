# What is promised to those who depend on it: the API, the packages, the build. Included by the Makefile.

.PHONY: openapi reproducible

openapi: $(TEST_STAMP) ## at a release: keep the OpenAPI document, with which tests compare later ones
	@$(PY) -m dev.openapi

ifeq ($(ARTIFACT),build/artifact)
reproducible: build/artifact/manifest.json
endif
reproducible: ## build function and layers twice, in unlike circumstances, and compare their hashes
	@$(PYTHON) -m layers.reproducible --target $(IMAGE_RUNTIME)-$(IMAGE_ARCH) --artifact "$(ARTIFACT)"

# --- the packages: licences, a list for auditors, known vulnerabilities

SUPPLY_VENV := .venv-supply
SUPPLY_STAMP := $(SUPPLY_VENV)/.installed
SUPPLY_TARGET = $(IMAGE_RUNTIME)-$(IMAGE_ARCH)
SUPPLY_LAYER = build/supply/$(SUPPLY_TARGET)
SUPPLY_OPTIONS = --target $(SUPPLY_TARGET) --layer $(SUPPLY_LAYER)/python
SUPPLY_TESTS = $(shell grep -l 'pytest\.mark\.supply' tests/test_*.py)

.PHONY: supply-setup licences licences-page sbom audit test-supply

supply-setup: $(SUPPLY_STAMP) ## make .venv-supply with CycloneDX and pip-audit, pinned

# A .pth file lets it see .venv's packages, after its own: the tests run in it, and the export's packages are read from there.
$(SUPPLY_STAMP): requirements-supply.txt $(TEST_STAMP)
	@echo "making $(SUPPLY_VENV) ..." >&2
	$(call BESIDE,$(SUPPLY_VENV),requirements-supply.txt)

$(SUPPLY_LAYER)/complete: layers/runtime/$(SUPPLY_TARGET)/requirements.txt layers/runtime/postgresql.txt layers/runtime/prune.txt layers/runtime/start.txt $(wildcard layers/runtime/*.py)
	@$(PYTHON) -m layers.runtime.build --target $(SUPPLY_TARGET) --engine postgresql --out $(SUPPLY_LAYER) >&2
	@touch $@

licences: $(SUPPLY_STAMP) $(SUPPLY_LAYER)/complete ## check the licence of every package of the function and of the export
	@$(SUPPLY_VENV)/bin/python -m dev.supply.licences $(SUPPLY_OPTIONS)

licences-page: $(SUPPLY_STAMP) $(SUPPLY_LAYER)/complete ## the same, and write docs/licences.md
	@$(SUPPLY_VENV)/bin/python -m dev.supply.licences $(SUPPLY_OPTIONS) --write

sbom: $(SUPPLY_STAMP) $(SUPPLY_LAYER)/complete ## list what is shipped, as CycloneDX: build/sbom.json, build/sbom-export.json
	@$(SUPPLY_VENV)/bin/python -m dev.supply.sbom $(SUPPLY_OPTIONS) --out build

audit: $(SUPPLY_STAMP) ## ask OSV for known vulnerabilities of every version in our locks (needs a network)
	@$(SUPPLY_VENV)/bin/python -m dev.supply.audit $(ARGS)

test-supply: supply-setup ## test licences, SBOM and audit
	@$(SUPPLY_VENV)/bin/python -m pytest -m supply $(or $(TESTS),$(SUPPLY_TESTS))
