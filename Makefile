# `make serve` and `make test` do everything on a fresh machine; `make help` lists the rest.

PYTHON ?= python3
BIN := .venv/bin
export NO_MKDOCS_2_WARNING := 1

.PHONY: help setup serve site live record check test lint verify-all chaos weights benchmark benchmark-live benchmark-cluster benchmark-pages audit browser clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: .venv/.installed  ## install what runs the snippets and renders the pages

serve: live  ## the site at 127.0.0.1:8000; a saved snippet is executed again
	$(BIN)/mkdocs serve

site: live  ## build site/, strictly, with a PDF where there is a Chromium
	BOOK_PDF=1 $(BIN)/mkdocs build --strict --quiet
	@echo "site/ is built"

live: .venv/.installed .venv/.node  ## build the models and scripts that run in the page
	@$(BIN)/python -m toolkit live

record: .venv/.installed  ## execute the snippets whose records are stale
	$(BIN)/python -m toolkit record

check: .venv/.installed  ## say which records are stale, and why
	$(BIN)/python -m toolkit record --check

# One worker more than there are cores: many tests wait for a server or a browser.
test: lint browser live  ## every test
	$(BIN)/python -m pytest -n $$($(BIN)/python -c 'import os; print(os.cpu_count() + 1)') --dist loadgroup --no-loadscope-reorder

lint: .venv/.testable
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

verify-all: .venv/.installed  ## execute every snippet, the long trainings too, and compare with the records
	$(BIN)/python -m toolkit record --verify

chaos: .venv/.testable  ## ten minutes of accidents to the recorder
	BOOK_CHAOS_SECONDS=600 $(BIN)/python -m pytest tests/test_chaos.py -n 0 -s

weights: .venv/.installed  ## train the embedded weights anew
	$(BIN)/python -m toolkit weights

benchmark: .venv/.testable  ## the recorder beside mkdocs-jupyter, Jupyter Book and sphinx-gallery
	$(BIN)/python benchmarks/build.py
	$(BIN)/python benchmarks/build.py --growth

benchmark-live: live .venv/.testable  ## the demos in the page beside native onnxruntime and transformers.js
	npm ci --ignore-scripts --silent --prefix benchmarks/live
	$(BIN)/python benchmarks/live.py

benchmark-cluster: .venv/.installed  ## what a second node of a Ray cluster gains, and what it costs
	$(BIN)/python benchmarks/cluster.py

benchmark-pages: live browser  ## what Lighthouse says of each page, beside Material's and mkdocs-jupyter's defaults
	npm ci --ignore-scripts --silent --prefix benchmarks/lighthouse
	$(BIN)/python benchmarks/pages.py

audit:  ## known vulnerabilities of every pinned package, as the registries tell them
	$(PYTHON) -m venv .cache/audit
	.cache/audit/bin/pip install --quiet pip-audit==2.10.1
	.cache/audit/bin/pip-audit --requirement constraints.txt --no-deps --disable-pip
	for each in web benchmarks/live benchmarks/lighthouse; do npm audit --prefix $$each || exit 1; done

browser: .venv/.testable
	@$(BIN)/python -m toolkit.browser

clean:  ## remove all that was installed or built
	rm -rf .venv .cache site web/node_modules

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed: make PYTHON=python3.12 …"; exit 1; }
	$(PYTHON) -m venv .venv

.venv/.installed: requirements.txt requirements-docs.txt pyproject.toml constraints.txt | .venv/bin/python
	$(BIN)/pip install --quiet -r requirements.txt
	@touch $@

# The machine's own node if it is new enough, else the one from PyPI.
.venv/.node: requirements-node.txt .venv/.installed
	@$(BIN)/python -m toolkit live --node >/dev/null 2>&1 || $(BIN)/pip install --quiet -r requirements-node.txt
	@touch $@

.venv/.testable: requirements-test.txt .venv/.installed
	$(BIN)/pip install --quiet -r requirements-test.txt
	@touch $@
