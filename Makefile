# `make demo` and `make test` are all there is to know: both set up what they need first.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help env prerequisites browser demo loop-demo test lint soak bench results schemas lock audit sbom

VENV := .venv
RUN := $(VENV)/bin
STAMP := $(VENV)/.installed
PYTHON := $(shell for p in python3.11 python3.12 python3.13 python3; do \
  "$$p" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && echo "$$p" && break; done)
JAVA := $(if $(JAVA_HOME),$(JAVA_HOME)/bin/java,java)

# The machine's own certificates, as pip and Maven use them: companies have authorities of their own.
export UV_SYSTEM_CERTS := 1

help: ## what can be done here
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

prerequisites:
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 is missing: apt-get install python3 python3-venv (Debian 12+), brew install python@3.12 (macOS)"; exit 1; }
	@test -x $(RUN)/python || "$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { echo "Python's venv module is missing: apt-get install python3-venv (Debian)"; exit 1; }
	@version=$$("$(JAVA)" -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p'); test "$${version:-0}" -ge 17 || { echo "Java 17 or later is missing (found: $${version:-none}): apt-get install openjdk-17-jre-headless (Debian), brew install openjdk@17 and put it on the PATH (macOS)"; exit 1; }
	@command -v mvn >/dev/null || { echo "Maven is missing: apt-get install maven (Debian), brew install maven (macOS)"; exit 1; }

# The console's tests look at its pages in one: better said now than in the middle.
browser:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || { echo "Chromium is missing, which the console's tests need: apt-get install chromium (Debian), brew install --cask chromium (macOS)"; exit 1; }

# The overrides in pyproject.toml are already in the lock, so nothing is resolved again. Compiled here, since vLLM imports
# a great many modules, and an environment that writes no bytecode would compile them again at every start.
$(STAMP): requirements.lock.txt | prerequisites
	@test -x $(RUN)/python || "$(PYTHON)" -m venv $(VENV)
	@$(RUN)/python -m pip install --quiet --disable-pip-version-check "$$(grep '^uv==' requirements.lock.txt)"
	$(RUN)/uv pip install --quiet --python $(RUN)/python --no-deps --compile-bytecode --requirement requirements.lock.txt
	$(RUN)/uv pip install --quiet --python $(RUN)/python --no-deps --editable .
	$(RUN)/python -c 'from sentistream.embedded.kafka_jars import main; main()'
	@touch $@

env: $(STAMP) ## the Python environment and Kafka's jars, made anew only when the lock changed

demo: env ## the whole system on this machine, playing a bundled conversation
	@$(RUN)/sentistream demo

# DATA is a folder with emocontext/ and meld/ as their publishers name the files; or set the four variables. Where it has
# emorynlp/ and goemotions/ too, the model to begin with is taught these as well: one of MELD alone forgets it sooner.
DATA ?= data/corpora
EMORYNLP := $(DATA)/emorynlp/emorynlp_train_final.csv
GOEMOTIONS := $(DATA)/goemotions/train.tsv
FURTHER := emorynlp:0.6:$(EMORYNLP),goemotions:0.25:$(GOEMOTIONS)
loop-demo: export EMOCONTEXT_TRAIN ?= $(DATA)/emocontext/train.txt
loop-demo: export EMOCONTEXT_VALID ?= $(DATA)/emocontext/valid.txt
loop-demo: export MELD_TRAIN ?= $(DATA)/meld/train_sent_emo.csv
loop-demo: export TRAIN_BASE_ALSO ?= $(if $(wildcard $(EMORYNLP)),$(if $(wildcard $(GOEMOTIONS)),$(FURTHER)))
loop-demo: export MELD_DEV ?= $(DATA)/meld/dev_sent_emo.csv

loop-demo: env ## people label, the trainer learns, the worker swaps; DATA=folder with emocontext/ and meld/
	@$(RUN)/sentistream loop-demo

lint: env
	@$(RUN)/ruff format --check .
	@$(RUN)/ruff check .
	@$(RUN)/mypy
	@$(RUN)/lint-imports

# Two processes test at once: with threads for all cores each, they wait for one another at full load.
HALF = $(shell "$(PYTHON)" -c 'import os; print(max((os.cpu_count() or 1) // 2, 1))')

test: browser env lint ## format, lint, types, import rules and all tests but the soak
	@OMP_NUM_THREADS=$${OMP_NUM_THREADS:-$(HALF)} \
	  $(RUN)/python -m pytest --quiet --numprocesses 2 --dist loadfile --no-loadscope-reorder

soak: env ## all long tests, faults and their negative controls first; hours; writes docs/faults.md
	@FAULTS_REPORT=docs/faults.md $(RUN)/python -m pytest --quiet --capture=no -m "" -k "soak or control" tests/faults
	@$(RUN)/python -m pytest --quiet -m soak --ignore=tests/faults

bench: env ## every figure of the documents beside its baseline
	@$(RUN)/python -m bench

results: env ## write docs/results.md anew from the JSON files of evaluations and ablations
	@$(RUN)/python -m trainer.evaluation.results docs/results docs/results.md

schemas: env ## write docs/schemas/ anew from the models
	@$(RUN)/sentistream schemas

# What this environment has, then what each image has.
LOCKS := requirements.lock.txt $(wildcard deploy/requirements.*.txt)

audit: env ## ask the advisory service for known holes in what the locks pin
	@$(RUN)/python deploy/audit.py $(LOCKS)

sbom: env ## write sbom.cdx.json and each image's bill of materials, sbom.worker.cdx.json and so on
	@$(RUN)/python deploy/sbom.py $(LOCKS)

# Each starts from the versions that it holds now; delete a file first to take the newest of everything.
LOCK := $(RUN)/uv pip compile pyproject.toml --universal --python-version 3.11 --no-annotate --no-emit-index-url \
  --no-emit-find-links --custom-compile-command "make lock" --quiet

lock: ## resolve the dependencies of pyproject.toml again
	$(LOCK) --extra cpu --extra train --extra console --extra traces --extra s3 --extra dev --output-file requirements.lock.txt
	$(LOCK) --constraint requirements.lock.txt --extra traces --output-file deploy/requirements.streams.txt
	$(LOCK) --constraint requirements.lock.txt --extra train --extra s3 --output-file deploy/requirements.trainer.txt
	$(LOCK) --constraint requirements.lock.txt --extra console --extra s3 --output-file deploy/requirements.console.txt
	$(LOCK) --extra gpu --extra traces --extra s3 --output-file deploy/requirements.worker.txt
