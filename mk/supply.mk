# What is promised to those who depend on it: the API, the packages, the build. Included by the Makefile.

.PHONY: openapi

openapi: $(STAMP) ## at a release: keep the OpenAPI document, with which tests compare later ones
	@$(PY) -m dev.openapi
