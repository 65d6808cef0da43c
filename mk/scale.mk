# Tests against engines of scale: Ray and PostgreSQL run for real, S3 by moto. Included by the Makefile.

SCALE_VENV := .venv-scale
SCALE_STAMP := $(SCALE_VENV)/.installed
# Only modules with such tests are collected, as for the clients.
SCALE_TESTS = $(shell grep -l 'pytest\.mark\.scale' tests/test_*.py)

# They kill, cut and race with processes at random moments, for minutes, and want an idle machine.
RANDOM_TESTS := tests/test_publish_interrupted.py tests/test_ray_export.py

.PHONY: scale-setup test-scale test-engines

scale-setup: $(SCALE_STAMP) ## make .venv-scale with Ray, PostgreSQL with pgvector and moto, pinned

# An export on Ray converts the model, which needs torch. torch is in .venv alone and is large, so a .pth file lets
# .venv-scale see .venv's packages, rather than install them twice. Its own packages come first on the path.
$(SCALE_STAMP): requirements-scale.txt $(TEST_STAMP)
	@echo "making $(SCALE_VENV) (about a minute) ..." >&2
	$(call BESIDE,$(SCALE_VENV),requirements-scale.txt)

# Tests of the routes that are run again with a database behind the function.
ENGINE_TESTS := $(addprefix tests/test_,search_route.py search_get.py vector_stores.py mcp.py headers.py)

test-engines: scale-setup ## the part of test-scale that kills nothing at random; CI runs it
	@$(SCALE_VENV)/bin/python -m pytest -m scale $(filter-out $(RANDOM_TESTS),$(SCALE_TESTS))
	@$(SCALE_VENV)/bin/python -m pytest -m scale tests/test_ray_export.py -k same_bytes
	@$(SCALE_VENV)/bin/python -m pytest --engine postgresql $(ENGINE_TESTS)

test-scale: scale-setup ## test with Ray, PostgreSQL with pgvector and S3
	@$(SCALE_VENV)/bin/python -m pytest -m scale $(or $(TESTS),$(SCALE_TESTS))
	@$(if $(TESTS),,$(SCALE_VENV)/bin/python -m pytest --engine postgresql $(ENGINE_TESTS))
