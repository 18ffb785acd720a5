# Realrouter's commands. They need Python 3.11+ (with venv), make and, for the website and the tests, Node 20+. Everything
# else is installed into .venv and the node_modules of web, tests/sdk, tests/browser and tests/clients, in pinned versions with checked hashes.
#
# Stamp files record what is installed: a second run does nothing, and a changed requirements file is installed again.

PYTHON  ?=
# Three workers even on two cores: much of a test is waiting for a browser, a database or a socket.
WORKERS ?= 3

# The minimum branch coverage of domain and app/wire by their own tests, in percent. It never goes down.
COVERAGE_MIN ?= 100
COVERED := tests/domain tests/app/wire

# The modules of ops/bench that `make test-long` runs. Each prints its baseline next to its figures.
BENCHES ?= wire transport edge ledger admission gateway streams projections sealing

# The tests start hundreds of processes. If each compiled all of the code again, that would take minutes.
unexport PYTHONDONTWRITEBYTECODE

VENV    := .venv
BIN     := $(VENV)/bin
SDK     := tests/sdk
WEB     := web
BROWSER := tests/browser
CLIENTS := tests/clients
# aider needs an environment of its own: it pins older versions of packages that the gateway uses.
AIDER   := $(VENV)/aider
NODE_MODULES := $(WEB)/node_modules/.installed $(SDK)/node_modules/.installed $(BROWSER)/node_modules/.installed
PIP     := $(BIN)/python -m pip --disable-pip-version-check --no-input --quiet
# Wheels only: the pinned artefacts are what runs, and no compiler is needed.
INSTALL := $(PIP) install --require-hashes --only-binary=:all:

NODE_20 := node -e 'process.exit(process.versions.node.split(".")[0] >= 20 ? 0 : 1)' 2>/dev/null
# The sources of web/out, without tests.
WEB_SOURCES = $(shell find $(WEB) \( -name node_modules -o -name .next -o -name out \) -prune -o -type f ! -name '*.test.*' \
	! -name next-env.d.ts ! -name openapi.json ! -name facts.json ! -name '*.tsbuildinfo' ! -name tsconfig.json -print)

# Generated files that the pages import.
WEB_MADE := $(WEB)/lib/schema.d.ts $(WEB)/lib/facts.json

UV_VERSION := 0.13.9
# One version of a package for every Python (--fork-strategy fewest): the tested versions are the ones that run.
COMPILE = $(BIN)/uv pip compile --no-config --system-certs --quiet --universal --python-version 3.11 \
	--fork-strategy fewest --generate-hashes --no-strip-extras --no-emit-index-url --custom-compile-command "make lock" $(LOCK_ARGS)

# A worker that dies fails the run: replacing it would only delay the result.
PYTEST = $(BIN)/python -m pytest -n $(WORKERS) --max-worker-restart 0

.DEFAULT_GOAL := help
.PHONY: help demo test quick test-long check check-web format setup web lock upgrade clean
.DELETE_ON_ERROR:
# Two targets that install into the same environment must not run at the same time.
.NOTPARALLEL:

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# Without Node, the demo serves the API without the website and says so.
demo: $(VENV)/.installed-runtime ## serve a funded demo account on a simulated upstream, at http://127.0.0.1:8000
	@if $(NODE_20); then $(MAKE) --no-print-directory web; else \
		echo "Node 20 or newer was not found: the demo serves the API without the website"; fi
	@$(BIN)/realrouter demo $(ARGS)

# Installing and checking use one core each, so Python's run in parallel with the website's.
# Coverage makes tests 50% slower, so only the tests that need it measure it, in a run of their own. `loadgroup` assigns one test at a time, so that
# no worker is left with all the long ones.
test: ## run all checks and tests that a change must pass; under 15 minutes
	@$(MAKE) --no-print-directory $(NODE_MODULES) & node=$$!; $(MAKE) --no-print-directory $(VENV)/.installed-dev; python=$$?; \
		wait $$node && exit $$python
	@$(MAKE) --no-print-directory $(WEB_MADE)
	@$(MAKE) --no-print-directory check & python=$$!; $(MAKE) --no-print-directory check-web web; website=$$?; \
		wait $$python && exit $$website
	$(PYTEST) -m "traced and not long" --cov --cov-report=term --cov-fail-under=$(COVERAGE_MIN) $(COVERED) $(ARGS)
	$(PYTEST) -m "not traced and not long" --dist loadgroup --ignore=tests/domain $(ARGS)

# ROOM: folders or modules of the code, such as app/wire or app/errors.py. mypy only checks again what changed.
quick: $(VENV)/.installed-dev ## lint, types and the tests of the rooms changed since main, or of ROOM=app/wire; under a minute
	$(BIN)/ruff check
	@$(BIN)/mypy & types=$$!; tests=$$($(BIN)/python -m ops.quick $(ROOM)) || exit 1; echo "tests: $${tests:-none}"; \
		if test -n "$$tests"; then $(PYTEST) -q $(ARGS) $$tests; fi; python=$$?; wait $$types && exit $$python

test-long: setup $(CLIENTS)/node_modules/.installed $(AIDER)/.installed ## run the long tests at full size, then the benchmarks; prints figures
	$(BIN)/python -m pytest -m long -s --timeout 3600 $(ARGS)
	@failed=""; for bench in $(BENCHES); do \
		echo "== $$bench"; $(BIN)/python -m ops.bench.$$bench || failed="$$failed $$bench"; \
	done; test -z "$$failed" || { echo "benchmarks that missed their target:$$failed" >&2; exit 1; }

check: $(VENV)/.installed-dev ## formatting, lint, types and layers
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m ops.structure --check

check-web: $(WEB_MADE) ## formatting, lint, types and unit tests of the website
	cd $(WEB) && npm run --silent check && npm run --silent test

web: $(WEB)/out/.built ## build the website into web/out, which the gateway serves

format: $(VENV)/.installed-dev ## format the code and fix what ruff can fix
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

setup: $(VENV)/.installed-dev web $(NODE_MODULES) ## install and build everything that the other targets need

lock: $(VENV)/.installed-uv ## update requirements*.txt from pyproject.toml, keeping versions that still fit
	$(COMPILE) pyproject.toml --group dev -o requirements-dev.txt
	$(COMPILE) pyproject.toml -c requirements-dev.txt -o requirements.txt
	$(COMPILE) --group build -c requirements-dev.txt -o requirements-build.txt
	$(COMPILE) $(CLIENTS)/requirements.in -o $(CLIENTS)/requirements.txt
	for folder in $(SDK) $(WEB) $(BROWSER) $(CLIENTS); do (cd $$folder && npm install --package-lock-only) || exit 1; done

upgrade: ## update requirements*.txt to the newest versions that pyproject.toml allows
	@$(MAKE) lock LOCK_ARGS=--upgrade

clean: ## remove everything that the targets above created
	rm -rf $(VENV) $(SDK)/node_modules $(BROWSER)/node_modules $(CLIENTS)/node_modules $(WEB)/node_modules $(WEB)/.next $(WEB)/out
	rm -rf $(WEB)/openapi.json $(WEB_MADE) .coverage .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache

$(VENV)/.created:
	@for python in $(PYTHON) python3.13 python3.12 python3.11 python3; do \
		if $$python -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
			echo "creating $(VENV) with $$($$python --version)"; $$python -m venv $(VENV) && touch $@; exit; \
		fi; \
	done; echo "Python 3.11 or newer with its venv module is required: install it, or pass its path as PYTHON=..." >&2; exit 1

$(VENV)/.installed-runtime: $(VENV)/.created requirements.txt requirements-build.txt pyproject.toml
	@echo "installing requirements.txt"
	@$(INSTALL) -r requirements.txt -r requirements-build.txt
	@$(PIP) install --no-index --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed-runtime requirements-dev.txt
	@echo "installing requirements-dev.txt"
	@$(INSTALL) -r requirements-dev.txt
	@touch $@

$(VENV)/.installed-uv: $(VENV)/.created
	@$(PIP) install uv==$(UV_VERSION)
	@touch $@

$(AIDER)/.created: $(VENV)/.created
	@for python in $(PYTHON) python3.12 python3.11 python3; do \
		if $$python -c 'import sys, ensurepip, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' 2>/dev/null; then \
			$$python -m venv $(AIDER) && touch $@; exit; \
		fi; \
	done; echo "Python 3.11 or 3.12 is required for aider, which runs on no newer one: install it, or pass its path as PYTHON=..." >&2; exit 1

$(AIDER)/.installed: $(AIDER)/.created $(CLIENTS)/requirements.txt
	@echo "installing $(CLIENTS)/requirements.txt"
	@$(subst $(BIN),$(AIDER)/bin,$(INSTALL)) -r $(CLIENTS)/requirements.txt
	@touch $@

# Uses cd, because npm's --prefix would hide the machine's own npm settings.
%/node_modules/.installed: %/package.json %/package-lock.json
	@$(NODE_20) || { echo "Node 20 or newer is required: it builds the website, and the tests use it to call the gateway" >&2; exit 1; }
	@echo "installing $*/package-lock.json"
	@cd $* && npm ci --loglevel=error
	@touch $@

# The types of the pages are generated from the routes: a page that reads a member that no route returns does not build.
$(WEB)/openapi.json: $(VENV)/.installed-runtime ops/openapi.py $(wildcard app/routes/*.py app/payments/*.py app/settings/*.py)
	@$(BIN)/python -m ops.openapi $@
	@touch $@

$(WEB)/lib/schema.d.ts: $(WEB)/openapi.json $(WEB)/node_modules/.installed
	@cd $(WEB) && npm run --silent types >/dev/null
	@touch $@

# The facts on the documentation pages come from the reference's tables. An edit that changes none of them rebuilds no page.
$(WEB)/lib/facts.json: $(VENV)/.created ops/website_facts.py ops/reference.md
	@$(BIN)/python -m ops.website_facts $@

$(WEB)/out/.built: $(WEB_MADE) $(WEB_SOURCES)
	@echo "building $(WEB)/out"
	@cd $(WEB) && NEXT_TELEMETRY_DISABLED=1 npm run --silent build
	@touch $@
