# Benchmarks of us and the peers. Included by the Makefile. docs/benchmarks.md says what each measures.

BENCH_VENV := .venv-bench
BENCH := $(BENCH_VENV)/bin/python
BENCH_STAMP := $(BENCH_VENV)/.installed
# A folder with data that we can't ship: scifact/, stsb_test.tsv, arxiv/, short_texts.txt.gz. A table whose data is missing is left out with a message.
BENCH_DATA ?=
# A program that runs CPython on another processor: `PROGRAM haswell 3.13 ARGS...` and `PROGRAM arm64 ARGS...`.
EMULATED_PYTHON ?=
# QUICK=1 takes few samples, to see that everything runs; the results go under build/, not to benchmarks/results/.
QUICK ?=
RESULTS ?=
# The number of arXiv abstracts that are searched for known items.
KNOWN_ITEMS ?= 5000

override DATA_FILE = $(if $(BENCH_DATA),$(wildcard $(BENCH_DATA)/$(1)))
SCIFACT ?= $(call DATA_FILE,scifact)
# Folders in BEIR's layout, beside SciFact and the AWS examples, for the answers of vectors and keywords together.
RETRIEVAL_SETS ?= $(foreach name,stackfaq xquadr-de xquadr-zh,$(call DATA_FILE,$(name)))
STSB ?= $(call DATA_FILE,stsb_test.tsv)
ARXIV ?= $(call DATA_FILE,arxiv/arxiv_20k.csv.gz)
ARXIV_QUERIES ?= $(call DATA_FILE,arxiv/title_queries.tsv)
# A file with one text on each line, for corpora larger than the demo's.
SHORT_TEXTS ?= $(call DATA_FILE,short_texts.txt.gz)
override BENCH_OPTIONS := $(if $(QUICK),--quick) $(if $(RESULTS),--json "$(RESULTS)")
override WITHOUT = echo "left out: $(1)" >&2
override FIRST_LINES := import gzip, itertools, sys; p, n = sys.argv[1:]; \
  sys.stdout.writelines(itertools.islice((gzip.open if p.endswith(".gz") else open)(p, "rt", encoding="utf-8"), int(n)))
override FIRST_ROWS := import csv, gzip, itertools, sys; p, n = sys.argv[1:]; \
  csv.writer(sys.stdout).writerows(itertools.islice(csv.reader(gzip.open(p, "rt", encoding="utf-8", newline="")), int(n) + 1))

.PHONY: bench-setup bench bench-answers bench-speed bench-search bench-large bench-load bench-graphs report

bench-setup: $(BENCH_STAMP) ## make .venv-bench with the pinned peers and our own packages

$(BENCH_STAMP): requirements.txt requirements-test.txt $(TORCH_LOCKS) benchmarks/requirements.txt
	@echo "making $(BENCH_VENV) (two minutes) ..." >&2
	@test -x $(BENCH) || $(PYTHON) -m venv $(BENCH_VENV)
	@torch=$$($(BENCH) -m dev.torch_build --index "$(TORCH_INDEX)") || exit 2; \
	  for what in "-r requirements.txt -r requirements-test.txt" "$$torch"; do $(call INSTALL,$(BENCH)) $$what $(SHOWN); done
	@$(call COMPILE,$(BENCH))
	@$(BENCH) -m pip install --disable-pip-version-check --quiet -r benchmarks/requirements.txt
	@# Without their dependencies, which the benchmarks don't need.
	@$(BENCH) -m pip install --disable-pip-version-check --quiet --no-deps embed-anything==0.7.1 awscli==1.46.3
	@$(BENCH) -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation -e .
	@touch $@

bench: bench-answers bench-speed bench-search ## measure every table of docs/benchmarks.md but the largest corpora's: make bench [BENCH_DATA=folder] [EMULATED_PYTHON=program]

bench-answers: build/artifact/manifest.json build/aws/queries.jsonl $(BENCH_STAMP) $(if $(ARXIV),build/arxiv/manifest.json)
bench-answers: $(if $(EMULATED_PYTHON),build/bench/layer-x86_64 build/bench/layer-arm64) ## measure how good answers are: quality, keywords, stored dtypes, known items, cosines, other processors
	@$(BENCH) -m benchmarks.quality build/aws --poolings mean --no-article $(BENCH_OPTIONS)
	@$(if $(SCIFACT),$(BENCH) -m benchmarks.quality "$(SCIFACT)" --poolings mean$(comma)max $(BENCH_OPTIONS),$(call WITHOUT,SciFact (BENCH_DATA has no scifact/)))
	@$(if $(RETRIEVAL_SETS),,$(call WITHOUT,German$(comma) Chinese and paraphrased questions (BENCH_DATA has no xquadr-de/$(comma) xquadr-zh/$(comma) stackfaq/)))
	@$(BENCH) -m benchmarks.hybrid_answers build/aws $(if $(SCIFACT),"$(SCIFACT)") $(RETRIEVAL_SETS) $(BENCH_OPTIONS)
	@$(BENCH) -m benchmarks.stored_dtypes build/aws $(if $(SCIFACT),"$(SCIFACT)") $(RETRIEVAL_SETS) $(BENCH_OPTIONS)
ifneq ($(STSB),)
	@$(BENCH) -m benchmarks.quality "$(STSB)" $(BENCH_OPTIONS)
	@$(BENCH) -m benchmarks.processors build/artifact --pairs "$(STSB)" --every 8 $(BENCH_OPTIONS) $(if $(EMULATED_PYTHON),\
	  --on "Haswell (AVX2, no VNNI)=env PYTHONPATH=build/bench/layer-x86_64/python $(EMULATED_PYTHON) haswell 3.13" \
	  --on "Neoverse N1 (arm64)=env PYTHONPATH=build/bench/layer-arm64/python $(EMULATED_PYTHON) arm64")
else
	@$(call WITHOUT,STS-B and other processors (BENCH_DATA has no stsb_test.tsv))
endif
	@$(if $(EMULATED_PYTHON),,$(call WITHOUT,emulated processors (EMULATED_PYTHON is not set)))
	@$(if $(ARXIV),$(BENCH) -m benchmarks.known_items build/arxiv "$(ARXIV_QUERIES)" $(BENCH_OPTIONS),$(call WITHOUT,known items (BENCH_DATA has no arxiv/)))
	@$(BENCH) -m benchmarks.cosines build/artifact $(BENCH_OPTIONS)

bench-speed: build/artifact/manifest.json $(BENCH_STAMP) $(if $(SHORT_TEXTS),build/short-64k/manifest.json) ## measure how fast it is: embedding, events, export, start, memory
	@$(BENCH) -m benchmarks.latency build/artifact $(if $(SHORT_TEXTS),--off build/short-64k) $(BENCH_OPTIONS)
	@$(BENCH) -m benchmarks.export_speed build/artifact $(if $(SHORT_TEXTS),build/short-64k) $(BENCH_OPTIONS)
	@$(BENCH) -m benchmarks.cold_start build/artifact $(BENCH_OPTIONS)
	@$(BENCH) -m benchmarks.route_starts build/artifact $(BENCH_OPTIONS)
	@$(BENCH) -m benchmarks.observability build/artifact $(BENCH_OPTIONS)
	@$(BENCH) -m benchmarks.memory build/artifact $(BENCH_OPTIONS)

bench-search: build/artifact/manifest.json $(BENCH_STAMP) $(if $(SHORT_TEXTS),build/short-64k/manifest.json) ## measure search up to 64,000 documents, hybrid search, exactness, hostile corpora
	@$(if $(SHORT_TEXTS),,$(call WITHOUT,64$(comma)000 short texts, so the demo corpus is searched (BENCH_DATA has no short_texts.txt.gz)))
	@$(BENCH) -m benchmarks.search $(if $(SHORT_TEXTS),build/short-64k --sizes 1000$(comma)20000$(comma)64000 --off build/artifact,build/artifact --sizes 1000$(comma)20000) --threads 1,2 $(BENCH_OPTIONS)
	@$(BENCH) -m benchmarks.exactness $(if $(SHORT_TEXTS),build/short-64k,build/artifact) $(BENCH_OPTIONS)
	@$(BENCH) -m benchmarks.hostile $(BENCH_OPTIONS)
	@$(BENCH) -m benchmarks.hybrid build/artifact $(if $(SHORT_TEXTS),build/short-64k) $(if $(QUICK),,--resampled 250000) $(BENCH_OPTIONS)
	@$(BENCH) -m benchmarks.hybrid_exactness build/artifact $(if $(SHORT_TEXTS),build/short-64k) $(BENCH_OPTIONS)
	@$(BENCH) -m benchmarks.filters build/artifact $(if $(SHORT_TEXTS),build/short-64k) --out docs/filters.svg $(if $(QUICK),,--resampled 250000) $(BENCH_OPTIONS)

bench-large: $(BENCH_STAMP) build/short/manifest.json ## measure search up to 0.84 million documents: make bench-large SHORT_TEXTS=file
	@$(BENCH) -m benchmarks.search build/short --sizes 250000,1000000 --threads 1,2 $(if $(wildcard build/artifact/manifest.json),--off build/artifact) $(BENCH_OPTIONS)
	@$(BENCH) -m benchmarks.survivors build/short --sizes 20000,64000,250000,1000000 $(if $(wildcard build/artifact/manifest.json),--off build/artifact) $(BENCH_OPTIONS)

bench-load: build/artifact/manifest.json $(BENCH_STAMP) ## load the service and its peers: 5 minutes for each number of clients; needs wrk and hey
	@$(BENCH) -m benchmarks.load build/artifact $(BENCH_OPTIONS)
	@$(BENCH) -m benchmarks.overload build/artifact --out docs/overload.svg $(BENCH_OPTIONS)

bench-graphs: $(BENCH_STAMP) build/short/manifest.json ## build the HNSW graphs that bench-large compares with (takes long, but only once)
	@$(BENCH) -m benchmarks.graphs build/short --sizes 250000,1000000

report: $(BENCH_STAMP) ## write the figures of the last benchmarks into README.md and docs/
	@$(BENCH) -m benchmarks.report $(RESULTS) --plots docs

build/aws/queries.jsonl: build/demo.jsonl $(BENCH_STAMP)
	@$(BENCH) -m benchmarks.aws_queries build/demo.jsonl build/aws

build/arxiv/manifest.json: $(ARXIV) | $(STAMP)
	@mkdir -p build
	@$(PY) -c '$(FIRST_ROWS)' "$(ARXIV)" $(KNOWN_ITEMS) > build/arxiv.csv
	@$(PY) -m export --corpus build/arxiv.csv --text summaries --id id --out build/arxiv

build/short-64k/manifest.json: $(SHORT_TEXTS) | $(STAMP)
	@mkdir -p build
	@$(PY) -c '$(FIRST_LINES)' "$(SHORT_TEXTS)" 64000 > build/short-64k.txt
	@$(PY) -m export --corpus build/short-64k.txt --text text --out build/short-64k

build/short/manifest.json: $(SHORT_TEXTS) | $(STAMP)
	@test -n "$(SHORT_TEXTS)" || { echo "error: which texts? make bench-large SHORT_TEXTS=texts.txt.gz" >&2; exit 2; }
	@$(PY) -m export --corpus "$(SHORT_TEXTS)" --text text --out build/short

build/bench/layer-%: layers/runtime/prune.txt layers/runtime/start.txt $(wildcard layers/runtime/*/requirements.txt) | $(BENCH_STAMP)
	@$(BENCH) -m layers.runtime.build --target python3.13-$* --out $@
	@touch $@
