# What is promised to those who depend on it: the API, the packages, the build. Included by the Makefile.

.PHONY: openapi reproducible

openapi: $(STAMP) ## at a release: keep the OpenAPI document, with which tests compare later ones
	@$(PY) -m dev.openapi

ifeq ($(ARTIFACT),build/artifact)
reproducible: build/artifact/manifest.json
endif
reproducible: ## build function and layers twice, in unlike circumstances, and compare their hashes
	@$(PYTHON) -m layers.reproducible --target $(IMAGE_RUNTIME)-$(IMAGE_ARCH) --artifact "$(ARTIFACT)"
