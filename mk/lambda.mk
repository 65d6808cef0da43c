# AWS Lambda: build, run and deploy with the SAM CLI. Included by the Makefile.

SAM_VENV := .venv-sam
SAM := $(SAM_VENV)/bin/sam
SAM_STAMP := $(SAM_VENV)/.installed
LOCK_VENV := build/lock-venv
# make build ARTIFACT=build/own-artifact ARCH=arm64 RUNTIME=python3.12; ARTIFACT=s3://bucket/prefix takes no model layer
ARTIFACT ?= build/artifact
ARCH ?=
RUNTIME ?=
# make deploy CONFIG=prod STACK=my-search PARAMETERS="Access=iam MemorySize=1024"
CONFIG ?= default
STACK ?=
PARAMETERS ?=
ARGS ?=
IMAGE ?= seeklet
IMAGE_RUNTIME = $(or $(RUNTIME),python3.13)
IMAGE_ARCH = $(or $(ARCH),x86_64)

export SAM_CLI_TELEMETRY := 0
override SAM_PARAMETERS := $(strip $(if $(ARCH),Architecture=$(ARCH)) $(if $(RUNTIME),Runtime=$(RUNTIME)) \
  $(if $(filter s3://%,$(ARTIFACT)),ArtifactUri=$(ARTIFACT)) $(PARAMETERS))
override SAM_OVERRIDES := $(if $(SAM_PARAMETERS),--parameter-overrides $(SAM_PARAMETERS))
# On the command line they replace samconfig.toml's instead of joining them, so both are given.
override SAM_DEPLOY = $(SAM_STACK) $(if $(SAM_PARAMETERS),--parameter-overrides \
  $(shell $(PYTHON) -m layers.overrides $(or $(CONFIG),default)) $(SAM_PARAMETERS))
override SAM_STACK := --config-env $(or $(CONFIG),default) $(if $(STACK),--stack-name $(STACK))

.PHONY: sam-setup lock validate build invoke serve deploy deploy-built smoke image logs delete test-lambda

sam-setup: $(SAM_STAMP) ## .venv-sam with the SAM CLI, Lambda's runtime client and moto, pinned

$(SAM_STAMP): requirements-sam.txt
	@echo "making $(SAM_VENV) (about a minute) ..." >&2
	@test -x $(SAM_VENV)/bin/python || $(PYTHON) -m venv $(SAM_VENV)
	@$(SAM_VENV)/bin/python -m pip install --disable-pip-version-check --quiet --no-deps --only-binary :all: --require-hashes -r requirements-sam.txt
	@touch $@

lock: $(LOCK_VENV) ## every hash anew: requirements*.txt for the versions they pin, then layers/runtime/*/requirements.txt
	@$(PYTHON) -m dev.hashes --uv $(LOCK_VENV)/bin/uv requirements.txt requirements-sam.txt
	@$(PYTHON) -m layers.runtime.lock

$(LOCK_VENV):
	@$(PYTHON) -m venv $@
	@$@/bin/python -m pip install --disable-pip-version-check --quiet --only-binary :all: uv==0.13.8 || { rm -rf $@; exit 1; }

validate: $(SAM_STAMP) ## template.yaml, by SAM and cfn-lint
	@AWS_DEFAULT_REGION=$${AWS_DEFAULT_REGION:-us-east-1} $(SAM) validate --lint

ifeq ($(ARTIFACT),build/artifact)
build: build/artifact/manifest.json
endif
build: $(SAM_STAMP) ## what is deployed, by SAM, and its size: make build [ARTIFACT=folder] [ARCH=arm64]
	@ARTIFACT="$(ARTIFACT)" $(SAM) build $(SAM_OVERRIDES)
	@$(PYTHON) -m layers.size .aws-sam/build

invoke: build ## every event through `sam local invoke` (needs a container engine)
	@$(PYTHON) -m dev.invoke --sam $(SAM) $(SAM_OVERRIDES) $(ARGS)

serve: build ## the HTTP API on port $(PORT), by `sam local start-api` (needs a container engine)
	@$(SAM) local start-api --warm-containers EAGER --port $(PORT) $(SAM_OVERRIDES) $(ARGS)

# The confirmation that prod asks for is the pipeline's approval there.
deploy-built: $(SAM_STAMP) ## what `make build` left, unchanged and unasked: for pipelines
	@$(SAM) deploy $(SAM_DEPLOY) --no-confirm-changeset $(ARGS)

smoke: $(SAM_STAMP) ## whether the deployed stack answers: make smoke [CONFIG=prod] [STACK=name]
	@$(SAM) list stack-outputs $(SAM_STACK) --output json | $(PYTHON) -m dev.smoke

ifeq ($(ARTIFACT),build/artifact)
image: build/artifact/manifest.json
endif
image: ## a container image instead of layers: make image [ARTIFACT=folder] [ARCH=arm64] [IMAGE=name:tag]
	@rm -rf build/image
	@$(PYTHON) -m layers.runtime.build --target $(IMAGE_RUNTIME)-$(IMAGE_ARCH) --out build/image
	@$(PYTHON) -m layers.runtime.build --target $(IMAGE_RUNTIME)-$(IMAGE_ARCH) --out build/image --code handler
	@$(PYTHON) -m layers.model.copy_artifact --image "$(ARTIFACT)" build/image/artifact
	@docker build --tag $(IMAGE) --build-arg PYTHON=$(IMAGE_RUNTIME:python%=%) --build-arg ARCH=$(IMAGE_ARCH) .

deploy: build ## to AWS: make deploy [CONFIG=prod] [STACK=name] [PARAMETERS="Access=iam"]
	@$(SAM) deploy $(SAM_DEPLOY) $(ARGS)

logs: $(SAM_STAMP) ## the function's log, as it goes on
	@$(SAM) logs -n SearchFunction --tail $(SAM_STACK) $(ARGS)

delete: $(SAM_STAMP) ## the stack and all that is in it
	@$(SAM) delete $(SAM_STACK) $(ARGS)

test-lambda: setup sam-setup ## the emulator, containers (SAM_DOCKER_UP) and a deployment against moto
	@$(PY) -m pytest -m aws $(or $(TESTS),tests)
