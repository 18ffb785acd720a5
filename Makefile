# Realrouter's commands. They need Python 3.11+ (with venv), make and, for the website and the tests, Node 20+; everything
# else is installed into .venv and the node_modules of web, tests/sdk and tests/browser, from pinned versions whose hashes are checked.
#
# A stamp file says what an installation was made from: a second run does nothing, a changed requirements file installs.

PYTHON  ?=
# More than two cores can run at once: much of a test is waiting for a browser, a database or a socket.
WORKERS ?= 3

# Branch coverage of domain and app/wire by the tests of their own, in percent. It only ever goes up.
COVERAGE_MIN ?= 100
COVERED := tests/domain tests/app/wire

# The modules of ops/bench that `make test-long` runs, each printing its baseline beside it.
BENCHES ?= wire transport edge ledger admission gateway streams projections sealing

# The tests start hundreds of processes: each compiling all of the code anew is minutes.
unexport PYTHONDONTWRITEBYTECODE

VENV    := .venv
BIN     := $(VENV)/bin
SDK     := tests/sdk
WEB     := web
BROWSER := tests/browser
NODE_MODULES := $(WEB)/node_modules/.installed $(SDK)/node_modules/.installed $(BROWSER)/node_modules/.installed
PIP     := $(BIN)/python -m pip --disable-pip-version-check --no-input --quiet
# Wheels only: what is pinned is what runs, and no compiler is asked for.
INSTALL := $(PIP) install --require-hashes --only-binary=:all:

NODE_20 := node -e 'process.exit(process.versions.node.split(".")[0] >= 20 ? 0 : 1)' 2>/dev/null
# What web/out is made from. Tests are no part of it.
WEB_SOURCES = $(shell find $(WEB) \( -name node_modules -o -name .next -o -name out \) -prune -o -type f ! -name '*.test.*' \
	! -name next-env.d.ts ! -name openapi.json ! -name '*.tsbuildinfo' ! -name tsconfig.json -print)

UV_VERSION := 0.13.9
# One version of a package on every Python (--fork-strategy fewest): what was tested is what runs.
COMPILE = $(BIN)/uv pip compile --no-config --system-certs --quiet --universal --python-version 3.11 \
	--fork-strategy fewest --generate-hashes --no-strip-extras --no-emit-index-url --custom-compile-command "make lock" $(LOCK_ARGS)

# A worker that dies fails the run: replacing it would only delay the result.
PYTEST = $(BIN)/python -m pytest -n $(WORKERS) --max-worker-restart 0

.DEFAULT_GOAL := help
.PHONY: help demo test quick test-long check check-web format setup web lock upgrade clean
.DELETE_ON_ERROR:
# Two targets that install into one environment must not run at once.
.NOTPARALLEL:

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# The website is worth a build, not a refusal: without Node the demo serves the API alone, and says so.
demo: $(VENV)/.installed-runtime ## serve a funded demo account on a simulated upstream, at http://127.0.0.1:8000
	@if $(NODE_20); then $(MAKE) --no-print-directory web; else \
		echo "Node 20 or newer is not here: the demo serves the API without the website"; fi
	@$(BIN)/realrouter demo $(ARGS)

# What installs or checks one thing takes one core: Python's is done beside the website's.
# Tracing costs half as much time again: the tests that measure coverage run by themselves. `loadgroup` hands out one test at a time, so that
# nobody is left with the long ones.
test: ## everything that must hold before a change lands; under 15 minutes
	@$(MAKE) --no-print-directory $(NODE_MODULES) & node=$$!; $(MAKE) --no-print-directory $(VENV)/.installed-dev; python=$$?; \
		wait $$node && exit $$python
	@$(MAKE) --no-print-directory $(WEB)/lib/schema.d.ts
	@$(MAKE) --no-print-directory check & python=$$!; $(MAKE) --no-print-directory check-web web; website=$$?; \
		wait $$python && exit $$website
	$(PYTEST) -m "traced and not long" --cov --cov-report=term --cov-fail-under=$(COVERAGE_MIN) $(COVERED) $(ARGS)
	$(PYTEST) -m "not traced and not long" --dist loadgroup --ignore=tests/domain $(ARGS)

# ROOM: folders or modules of the code, such as app/wire or app/errors.py. mypy only checks again what changed.
quick: $(VENV)/.installed-dev ## lint, types and the tests of the rooms changed since main, or of ROOM=app/wire; under a minute
	$(BIN)/ruff check
	@$(BIN)/mypy & types=$$!; tests=$$($(BIN)/python -m ops.quick $(ROOM)) || exit 1; echo "tests: $${tests:-none}"; \
		if test -n "$$tests"; then $(PYTEST) -q $(ARGS) $$tests; fi; python=$$?; wait $$types && exit $$python

test-long: setup ## the long tests at full size, then the benchmarks; prints figures
	$(BIN)/python -m pytest -m long -s --timeout 3600 $(ARGS)
	@failed=""; for bench in $(BENCHES); do \
		echo "== $$bench"; $(BIN)/python -m ops.bench.$$bench || failed="$$failed $$bench"; \
	done; test -z "$$failed" || { echo "benchmarks below their mark:$$failed" >&2; exit 1; }

check: $(VENV)/.installed-dev ## formatting, lint, types and layers
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m ops.structure --check

check-web: $(WEB)/lib/schema.d.ts ## formatting, lint, types and unit tests of the website
	cd $(WEB) && npm run --silent check && npm run --silent test

web: $(WEB)/out/.built ## build the website into web/out, which the gateway serves

format: $(VENV)/.installed-dev ## format the code and fix what ruff can fix
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

setup: $(VENV)/.installed-dev web $(NODE_MODULES) ## install and build all that the other targets need

lock: $(VENV)/.installed-uv ## write requirements*.txt again from pyproject.toml, keeping versions that still fit
	$(COMPILE) pyproject.toml --group dev -o requirements-dev.txt
	$(COMPILE) pyproject.toml -c requirements-dev.txt -o requirements.txt
	$(COMPILE) --group build -c requirements-dev.txt -o requirements-build.txt
	for folder in $(SDK) $(WEB) $(BROWSER); do (cd $$folder && npm install --package-lock-only) || exit 1; done

upgrade: ## the same with the newest versions that pyproject.toml allows
	@$(MAKE) lock LOCK_ARGS=--upgrade

clean: ## remove what the targets above have made
	rm -rf $(VENV) $(SDK)/node_modules $(BROWSER)/node_modules $(WEB)/node_modules $(WEB)/.next $(WEB)/out
	rm -rf $(WEB)/openapi.json $(WEB)/lib/schema.d.ts .coverage .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache

$(VENV)/.created:
	@for python in $(PYTHON) python3.13 python3.12 python3.11 python3; do \
		if $$python -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
			echo "making $(VENV) with $$($$python --version)"; $$python -m venv $(VENV) && touch $@; exit; \
		fi; \
	done; echo "Python 3.11 or newer, with its venv module, is needed: install it, or name it with PYTHON=..." >&2; exit 1

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

# Entered with cd, because npm's --prefix would hide the settings that the machine itself has for npm.
%/node_modules/.installed: %/package.json %/package-lock.json
	@$(NODE_20) || { echo "Node 20 or newer is needed: it builds the website, and the tests drive the gateway with it" >&2; exit 1; }
	@echo "installing $*/package-lock.json"
	@cd $* && npm ci --loglevel=error
	@touch $@

# The types of the pages are made from the routes themselves: a page that reads what no route answers does not build.
$(WEB)/openapi.json: $(VENV)/.installed-runtime ops/openapi.py $(wildcard app/routes/*.py app/payments/*.py app/settings/*.py)
	@$(BIN)/python -m ops.openapi $@
	@touch $@

$(WEB)/lib/schema.d.ts: $(WEB)/openapi.json $(WEB)/node_modules/.installed
	@cd $(WEB) && npm run --silent types >/dev/null
	@touch $@

$(WEB)/out/.built: $(WEB)/lib/schema.d.ts $(WEB_SOURCES)
	@echo "building $(WEB)/out"
	@cd $(WEB) && NEXT_TELEMETRY_DISABLED=1 npm run --silent build
	@touch $@
