# Builds, runs and deploys the function with the AWS SAM CLI. Included by the Makefile.

SAM_VENV := .venv-sam
SAM := $(SAM_VENV)/bin/sam
SAM_STAMP := $(SAM_VENV)/.installed
LOCK_VENV := build/lock-venv
# make build ARTIFACT=build/own-artifact ARCH=arm64 RUNTIME=python3.12; with ARTIFACT=s3://bucket/prefix there is no model layer
ARTIFACT ?= build/artifact
ARCH ?=
RUNTIME ?=
# make build ENGINE=postgresql: the model layer has the encoder alone, and `seeklet publish` puts the rest into a database.
ENGINE ?=
override ENGINES := postgresql
$(if $(filter-out $(ENGINES),$(ENGINE)),$(error ENGINE is $(ENGINE): leave it out, or choose $(ENGINES)))
# make build DOCS=off: without FastAPI and pydantic, which /docs and /openapi.json alone need.
DOCS ?= on
$(if $(filter-out on off,$(DOCS)),$(error DOCS is $(DOCS): leave it out, or choose off))
override ENCODER_ONLY := $(if $(filter postgresql,$(ENGINE)),--encoder-only)
# make deploy CONFIG=prod STACK=my-search PARAMETERS="Access=iam MemorySize=1024"
CONFIG ?= default
STACK ?=
PARAMETERS ?=
ARGS ?=
IMAGE ?= seeklet
IMAGE_RUNTIME = $(or $(RUNTIME),python3.13)
IMAGE_ARCH = $(or $(ARCH),x86_64)
# Lambda takes an image of one processor, and none with attestations, which Docker adds by itself. These are variables, since
# not every builder knows the options.
IMAGE_BUILD = BUILDX_NO_DEFAULT_ATTESTATIONS=1 DOCKER_DEFAULT_PLATFORM=linux/$(IMAGE_ARCH:x86_64=amd64)

export SAM_CLI_TELEMETRY := 0
# The artifact that is named is served. Of a parameter that isn't named SAM keeps the value of the deployment before.
override SAM_ARTIFACT := $(if $(filter s3://%,$(ARTIFACT)),ArtifactUri=$(ARTIFACT),$(if $(filter-out file,$(origin ARTIFACT)),'ArtifactUri=""'))
override SAM_PARAMETERS := $(strip $(if $(ARCH),Architecture=$(ARCH)) $(if $(RUNTIME),Runtime=$(RUNTIME)) $(SAM_ARTIFACT) $(PARAMETERS))
override SAM_OVERRIDES := $(if $(SAM_PARAMETERS),--parameter-overrides $(SAM_PARAMETERS))
# Overrides on the command line replace those of samconfig.toml, so both are given.
override SAM_DEPLOY = $(SAM_STACK) $(if $(SAM_PARAMETERS),--parameter-overrides $(SAM_CONFIGURED) $(SAM_PARAMETERS))
override SAM_CONFIGURED = $(shell $(PYTHON) -m layers.overrides $(or $(CONFIG),default))$(if \
  $(filter-out 0,$(.SHELLSTATUS)),$(error CONFIG is $(CONFIG): choose an environment of samconfig.toml))
override SAM_STACK := --config-env $(or $(CONFIG),default) $(if $(STACK),--stack-name $(STACK))

.PHONY: sam-setup lock validate build named-artifact invoke serve deploy deploy-built smoke image logs delete test-lambda

sam-setup: $(SAM_STAMP) ## make .venv-sam with the SAM CLI, Lambda's runtime client and moto, pinned

$(SAM_STAMP): requirements-sam.txt
	@echo "making $(SAM_VENV) (about a minute) ..." >&2
	@test -x $(SAM_VENV)/bin/python || $(PYTHON) -m venv $(SAM_VENV)
	@$(SAM_VENV)/bin/python -m pip install --disable-pip-version-check --quiet --no-deps --only-binary :all: --require-hashes -r requirements-sam.txt
	@touch $@

lock: $(LOCK_VENV) ## renew all hashes: of requirements*.txt for the versions they pin, then of layers/runtime/*/requirements.txt
	@$(PYTHON) -m dev.hashes --uv $(LOCK_VENV)/bin/uv $(filter-out requirements-torch-cpu.txt,$(wildcard requirements*.txt))
	@$(PYTHON) -m dev.hashes --uv $(LOCK_VENV)/bin/uv --index "$(TORCH_INDEX)" requirements-torch-cpu.txt
	@$(PYTHON) -m layers.runtime.lock

$(LOCK_VENV):
	@$(PYTHON) -m venv $@
	@$@/bin/python -m pip install --disable-pip-version-check --quiet --only-binary :all: uv==0.13.8 || { rm -rf $@; exit 1; }

validate: $(SAM_STAMP) ## check template.yaml with SAM and cfn-lint
	@AWS_DEFAULT_REGION=$${AWS_DEFAULT_REGION:-us-east-1} $(SAM) validate --lint

# What a build would only tell at its end.
$(if $(filter-out x86_64 arm64,$(ARCH)),$(error ARCH is $(ARCH): leave it out, or choose arm64))
ifeq ($(ARTIFACT),build/artifact)
build: build/artifact/manifest.json
else ifeq ($(filter s3://%,$(ARTIFACT)),)
build: named-artifact
endif
# By the shell: make takes a folder with a space in its name for two.
named-artifact:
	@test -f "$(ARTIFACT)/manifest.json" || { \
	  echo "error: $(ARTIFACT) is no artifact, it has no manifest.json: make build ARTIFACT=folder, one that seeklet export wrote" >&2; exit 2; }

build: $(SAM_STAMP) ## build what is deployed with SAM, and print its size: make build [ARTIFACT=folder] [ARCH=arm64]
	@ARTIFACT="$(ARTIFACT)" ENGINE="$(ENGINE)" DOCS="$(DOCS)" $(SAM) build $(SAM_OVERRIDES)
	@$(PYTHON) -m layers.size .aws-sam/build

invoke: build ## send every sample event through `sam local invoke` (needs a container engine)
	@$(PYTHON) -m dev.invoke --sam $(SAM) $(SAM_OVERRIDES) $(ARGS)

serve: build ## serve the HTTP API on port $(PORT) with `sam local start-api` (needs a container engine)
	@$(SAM) local start-api --warm-containers EAGER --port $(PORT) $(SAM_OVERRIDES) $(ARGS)

# Without the question that prod's configuration asks: in a pipeline its approval takes that place.
deploy-built: $(SAM_STAMP) ## deploy what `make build` made, without a question: for pipelines
	@$(SAM) deploy $(SAM_DEPLOY) --no-confirm-changeset $(ARGS)

smoke: $(SAM_STAMP) ## ask the deployed stack one query: make smoke [CONFIG=prod] [STACK=name]
	@$(SAM) list stack-outputs $(SAM_STACK) --output json | $(PYTHON) -m dev.smoke

ifeq ($(ARTIFACT),build/artifact)
image: build/artifact/manifest.json
endif
image: ## build a container image instead of layers: make image [ARTIFACT=folder] [ARCH=arm64] [ENGINE=postgresql] [IMAGE=name:tag]
	@rm -rf build/image
	@$(PYTHON) -m layers.runtime.build --target $(IMAGE_RUNTIME)-$(IMAGE_ARCH) --out build/image --engine "$(ENGINE)" --docs "$(DOCS)"
	@$(PYTHON) -m layers.runtime.build --target $(IMAGE_RUNTIME)-$(IMAGE_ARCH) --out build/image --code handler
	@$(PYTHON) -m layers.model.copy_artifact --image $(ENCODER_ONLY) "$(ARTIFACT)" build/image/artifact
	@$(IMAGE_BUILD) docker build --tag $(IMAGE) --build-arg PYTHON=$(IMAGE_RUNTIME:python%=%) --build-arg ARCH=$(IMAGE_ARCH) .

deploy: build ## deploy to AWS: make deploy [CONFIG=prod] [STACK=name] [PARAMETERS="Access=iam"]
	@$(SAM) deploy $(SAM_DEPLOY) $(ARGS)

logs: $(SAM_STAMP) ## follow the function's log
	@$(SAM) logs -n SearchFunction --tail $(SAM_STACK) $(ARGS)

delete: $(SAM_STAMP) ## delete the stack with everything in it
	@$(SAM) delete $(SAM_STACK) $(ARGS)

test-lambda: test-setup sam-setup ## test with the emulator, containers (SAM_DOCKER_UP) and a deployment to moto
	@$(PY) -m pytest -m aws $(or $(TESTS),tests)
