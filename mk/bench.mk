# Benchmarks: we and the peers side by side. Included by the Makefile.

BENCH_VENV := .venv-bench
BENCH := $(BENCH_VENV)/bin/python
BENCH_STAMP := $(BENCH_VENV)/.installed
RESULTS ?=
override RESULTS_OPTION := $(if $(RESULTS),--json "$(RESULTS)")
# A text a line, for corpora larger than the demo's; its first 64,000 lines are enough for `make bench`.
SHORT_TEXTS ?=

.PHONY: bench-setup bench bench-large report

bench-setup: $(BENCH_STAMP) ## .venv-bench: the pinned peers beside our own packages

$(BENCH_STAMP): requirements.txt requirements-torch.txt benchmarks/requirements.txt
	@echo "making $(BENCH_VENV) (two minutes) ..." >&2
	@test -x $(BENCH) || $(PYTHON) -m venv $(BENCH_VENV)
	@$(BENCH) -m pip install --disable-pip-version-check --quiet --no-deps --require-hashes -r requirements.txt
	@$(BENCH) -m pip install --disable-pip-version-check --quiet -r requirements-torch.txt -r benchmarks/requirements.txt
	@$(BENCH) -m pip install --disable-pip-version-check --quiet --only-binary :all: --no-deps embed-anything==0.7.1
	@$(BENCH) -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation -e .
	@touch $@

build/short-64k/manifest.json: $(SHORT_TEXTS) | $(STAMP)
	@mkdir -p build
	@$(PY) -c 'import gzip, itertools, sys; p = sys.argv[1]; f = (gzip.open if p.endswith(".gz") else open)(p, "rt", encoding="utf-8"); sys.stdout.writelines(itertools.islice(f, 64000))' "$(SHORT_TEXTS)" > build/short-64k.txt
	@$(PY) -m export --corpus build/short-64k.txt --text text --out build/short-64k

build/short/manifest.json: $(SHORT_TEXTS) | $(STAMP)
	@test -n "$(SHORT_TEXTS)" || { echo "error: which texts? make bench-large SHORT_TEXTS=texts.txt.gz" >&2; exit 2; }
	@$(PY) -m export --corpus "$(SHORT_TEXTS)" --text text --out build/short

bench: build/artifact/manifest.json $(BENCH_STAMP) $(if $(SHORT_TEXTS),build/short-64k/manifest.json) ## us and the peers, to 64K documents: make bench [SHORT_TEXTS=file]
	@$(BENCH) benchmarks/latency.py --artifact build/artifact $(RESULTS_OPTION)
	@$(BENCH) benchmarks/search.py $(if $(SHORT_TEXTS),build/short-64k --sizes 1000$(comma)20000$(comma)64000,build/artifact --sizes 1000$(comma)20000) --threads 1,2 $(RESULTS_OPTION)
	@$(BENCH) benchmarks/export_speed.py build/artifact $(if $(SHORT_TEXTS),build/short-64k) $(RESULTS_OPTION)
	@$(BENCH) benchmarks/cold_start.py --artifact build/artifact $(RESULTS_OPTION)
	@$(BENCH) benchmarks/memory.py --artifact build/artifact $(RESULTS_OPTION)

bench-large: $(BENCH_STAMP) build/short/manifest.json ## search to 0.84 M documents, its embeddings kept: make bench-large SHORT_TEXTS=file
	@$(BENCH) benchmarks/search.py build/short --sizes 250000,1000000 --threads 1,2 $(RESULTS_OPTION)

report: $(BENCH_STAMP) ## the figures of the last benchmarks into README.md and docs/
	@$(BENCH) benchmarks/report.py $(RESULTS) --plots docs
