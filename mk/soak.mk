# Long proofs of what docs/reliability.md promises: damage, hostile requests, ordinary ones, kills. Included by the Makefile.

# The demo's artifact unless another one is named; a small one shows more in less time.
SOAK_ARTIFACT ?= build/artifact
# Another artifact, whose files are mixed with the first one's.
SOAK_OTHER ?= build/soak/other
CORRUPTIONS ?= 1000
REQUESTS ?= 100000
EVENTS ?= 200000
KILLS ?= 50

.PHONY: soak soak-damage soak-requests soak-mixed soak-kills

soak: soak-damage soak-requests soak-mixed soak-kills ## prove the long promises: corruptions, hostile requests, 200,000 events, kills (two hours)

soak-damage: $(SOAK_ARTIFACT)/manifest.json $(SOAK_OTHER)/manifest.json ## change bytes, cut and swap files of an artifact
	@$(PY) -m soak.corruptions $(SOAK_ARTIFACT) --count $(CORRUPTIONS) --json build/soak/corruptions.json
	@$(PY) -m soak.swaps $(SOAK_ARTIFACT) $(SOAK_OTHER) --json build/soak/swaps.json

soak-requests: $(SOAK_ARTIFACT)/manifest.json build/soak ## send hostile requests: REQUESTS=100000
	@$(PY) -m soak.hostile_requests $(SOAK_ARTIFACT) --count $(REQUESTS) --json build/soak/requests.json

soak-mixed: $(SOAK_ARTIFACT)/manifest.json build/soak ## send ordinary events of every route: EVENTS=200000
	@$(PY) -m soak.mixed_events $(SOAK_ARTIFACT) --count $(EVENTS) --json build/soak/mixed.json

soak-kills: scale-setup ## kill exports, releases and publishes: KILLS=50
	@KILLS=$(KILLS) $(PY) -m pytest -s tests/test_kills.py
	@KILLS=$(KILLS) $(SCALE_VENV)/bin/python -m pytest -s -m scale tests/test_kills.py

build/soak:
	@mkdir -p $@

build/soak/other/manifest.json: | $(STAMP) build/soak
	@$(PY) -m seeklet export --corpus docs/papers.csv --text title,abstract --id doi --metadata year --out build/soak/other
