# pdfsluice. `make` alone lists what there is to do; every target makes what it needs.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
# Further arguments for pytest and the like: make test ARGS="tests/unit -x"
ARGS   ?=

NODE_TESTS := tests/js

# Servers and children of tests start in half the time from compiled modules.
export PYTHONDONTWRITEBYTECODE :=

# Processes that share the tests: one more than there are processors, because many tests wait.
CORES   := $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
WORKERS ?= $(shell echo $$(($(CORES) + 1)))
# In the order of the folders: browsers and clusters begin, unit tests fill what is left.
PARALLEL := -n $(WORKERS) --dist loadgroup --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help demo serve install dev compiled test test-long coverage lint lint-style lint-mypy lint-pyright format bench bench-plot bench-peers bench-stack bench-load bench-cluster soak soak-cluster soak-power soak-zombies docs clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | \
		awk -F ':.*## ' '{printf "  \033[1m%-12s\033[0m %s\n", $$1, $$2}'

demo: $(VENV)/.installed ## Upload, import, index and search a sample document (ONCE=1: then stop)
	@$(BIN)/pdfsluice demo $(if $(ONCE),--once) $(ARGS)

serve: $(VENV)/.installed ## Start a server; its data is kept in var/data
	@$(BIN)/pdfsluice serve --data-dir var/data $(ARGS)

install: $(VENV)/.installed ## Make the environment and install pdfsluice into it

dev: $(VENV)/.installed-dev $(NODE_TESTS)/node_modules/.installed ## Install what development needs too

# `make test` leaves out tests with these marks; `.ci/run` leaves out `nightly` alone.
UNMARKED ?= long or nightly

test: dev compiled ## Run the tests in parallel; with ARGS="tests/unit -x" those alone, one after another
	$(BIN)/python -m pytest $(or $(ARGS),$(PARALLEL) -m "not ($(UNMARKED))")

test-long: dev compiled ## Run the rest: what takes long, soak, packages, corpus, all examples of properties
	$(BIN)/python -m pytest $(PARALLEL) -m "long or nightly or hypothesis" \
		--hypothesis-profile=whole $(ARGS)

# Some of the tests alone cannot reach the floor of pyproject.toml.
coverage: dev ## Run all tests, the long ones too, and measure what they cover
	$(BIN)/python -m pytest $(PARALLEL) --cov --cov-report=term $(ARGS)

lint: lint-style lint-mypy lint-pyright ## Check style, types and imports; with -j2 at the same time

lint-style: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo

lint-mypy: $(VENV)/.installed-dev
	$(BIN)/mypy

lint-pyright: $(VENV)/.installed-dev
	$(BIN)/basedpyright

format: $(VENV)/.installed-dev ## Bring the code into the common form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: dev ## Run the benchmarks over chunk sizes
	$(BIN)/python -m pytest benchmarks --benchmark-only --benchmark-autosave --benchmark-compare \
		-W default::pytest_benchmark.logger.PytestBenchmarkWarning $(ARGS)

bench-plot: dev ## Draw the last run of the benchmarks over chunk sizes into docs/
	$(BIN)/python -m benchmarks.plot docs/images/chunk-sizes.svg

bench-peers: dev ## Measure side by side with other upload servers
	$(BIN)/python -m benchmarks.peers $(ARGS)

bench-stack: dev ## Measure the same work with nginx, sha256sum, qpdf, pdftotext and an index
	$(BIN)/python -m benchmarks.stack $(ARGS)

bench-load: dev ## Measure many simultaneous uploads, WebSockets and sessions
	$(BIN)/python -m benchmarks.load $(ARGS)

soak-power: dev ## Cut the power 200 times at each level and fail each changing call (root, /dev/fuse)
	$(BIN)/python -m tests.faults.campaign cuts --durability process $(ARGS)
	$(BIN)/python -m tests.faults.campaign cuts --durability power $(ARGS)
	$(BIN)/python -m tests.faults.campaign errors --durability process
	$(BIN)/python -m tests.faults.campaign errors --durability power

soak: dev ## Interrupt a thousand uploads and count what was lost
	$(BIN)/python -m benchmarks.soak $(ARGS)

soak-cluster: dev ## The same over three servers that are killed, whose services fail
	$(BIN)/python -m benchmarks.soak --nodes 3 --crashes 5 --stops 5 --refused 0.05 $(ARGS)

soak-zombies: dev ## Stop servers for 20 s at 200 moments of uploads that they hold
	$(BIN)/python -m benchmarks.soak.zombies $(ARGS)

bench-cluster: dev ## Measure several servers: costs, or the scenarios in ARGS
	$(BIN)/python -m benchmarks.cluster $(ARGS)

docs: $(VENV)/.installed-dev ## Write the generated pages of docs/reference
	$(BIN)/python docs/generate.py
	$(BIN)/python docs/diagrams.py

clean: ## Remove everything that can be made again, the environment included
	rm -rf $(VENV) $(NODE_TESTS)/node_modules var/demo build dist *.egg-info htmlcov .coverage
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .benchmarks
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "pdfsluice needs Python 3.11 or later; give one: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
		{ rm -rf $(VENV); echo "This Python has no venv module; on Debian: apt install python3-venv" >&2; exit 1; }

# The stamps are older than pyproject.toml when what is to be installed has changed.
$(VENV)/.installed: pyproject.toml | $(BIN)/python
	@echo "Installing pdfsluice into $(VENV) ..."
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --upgrade 'pip>=25.1'
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --editable '.[all]'
	@touch $@

$(VENV)/.installed-dev: pyproject.toml | $(BIN)/python
	@echo "Installing pdfsluice and its development tools into $(VENV) ..."
	@$(BIN)/python .ci/install.py --editable '.[all]' --group dev
	@touch $(VENV)/.installed $@

# What the tests import, which several processes would otherwise compile at the same time.
compiled: $(VENV)/.compiled

$(VENV)/.compiled: $(VENV)/.installed-dev
	@$(BIN)/python -m pytest --collect-only -qq >/dev/null || true  # the tests show what is wrong
	@touch $@

# Tests that need Node skip themselves if it is absent.
$(NODE_TESTS)/node_modules/.installed: $(NODE_TESTS)/package.json $(wildcard $(NODE_TESTS)/package-lock.json)
	@if command -v npm >/dev/null; then \
		echo "Installing the JavaScript test tools ..."; \
		npm --prefix $(NODE_TESTS) ci --no-audit --no-fund --loglevel=error; \
	else \
		echo "npm is absent: the tests of the JavaScript clients will be skipped"; \
		mkdir -p $(@D); \
	fi
	@touch $@
