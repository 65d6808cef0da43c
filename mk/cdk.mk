# Other ways to deploy than SAM: the CDK construct and the Terraform module. Included by the Makefile.

CDK_VENV := .venv-cdk
CDK_STAMP := $(CDK_VENV)/.installed
CDK_TESTS = $(shell grep -l 'pytest\.mark\.cdk' tests/test_*.py)
CDK_OUT ?= build/cdk

.PHONY: cdk-setup cdk-synth archives parameters test-cdk

cdk-setup: $(CDK_STAMP) ## make .venv-cdk with the AWS CDK's library, pinned

$(CDK_STAMP): requirements-cdk.txt
	@echo "making $(CDK_VENV) (about a minute) ..." >&2
	@test -x $(CDK_VENV)/bin/python || $(PYTHON) -m venv $(CDK_VENV)
	@$(CDK_VENV)/bin/python -m pip install --disable-pip-version-check --quiet --no-deps --only-binary :all: --require-hashes -r requirements-cdk.txt
	@touch $@

# What `make build` made, so after it.
cdk-synth: $(CDK_STAMP) ## write the CDK stack of what was built into build/cdk: make cdk-synth [PARAMETERS="access=iam"] [STACK=name]
	@command -v node > /dev/null || { echo "error: the CDK runs in Node.js, and there is no node" >&2; exit 2; }
	@$(CDK_VENV)/bin/python deploy/cdk/app.py --out $(CDK_OUT) $(if $(STACK),stack=$(STACK)) $(PARAMETERS)
	@echo "$(CDK_OUT)"

archives: ## zip what was built into build/archives, for the Terraform module
	@$(PYTHON) -m layers.archives .aws-sam/build build/archives

parameters: $(TEST_STAMP) ## hand template.yaml's parameters on to deploy/ and its documents
	@$(PY) -m dev.parameters

test-cdk: test-setup sam-setup cdk-setup ## compare the CDK stack and the Terraform module with template.yaml
	@$(PY) -m pytest -rs -m cdk $(or $(TESTS),$(CDK_TESTS))
