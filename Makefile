# Everything here sets itself up: Python 3.11 or later and make are all that must be there.
#
#   make run          the sample shop and the daemon; ONCE=1 leaves after one pass
#   make test         all checks and all tests
#   make bench        the benchmarks
#   make clean        what these made, but never var/, which is data

VENV := .venv
BIN := $(VENV)/bin
NOTIFIER := $(BIN)/notifier
PIP := PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/python -m pip install --quiet
PYTHON ?= $(shell for name in python3.13 python3.12 python3.11 python3 python; do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$name && break; done)

.PHONY: run test bench clean
.DEFAULT_GOAL := run

run: $(VENV)/.installed
	@$(NOTIFIER) sample $(if $(filter-out 0 no false,$(ONCE)),--once)

test: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder $(TESTS)

bench: $(VENV)/.installed-dev
	@for file in benchmarks/*.py; do echo "== $$file"; $(BIN)/python $$file || exit 1; done

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamps: set up again only where the list of dependencies has changed.
$(VENV)/.installed: pyproject.toml | $(BIN)/python
	@echo "Setting up in $(VENV)/ (the first time takes a minute) ..."
	@$(PIP) --editable .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml | $(BIN)/python
	@echo "Setting up in $(VENV)/, with what the tests need ..."
	@$(PIP) --editable '.[dev]'
	@touch $@ $(VENV)/.installed

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "notifier needs Python 3.11 or later: install it (Debian: apt-get install python3)" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || \
		{ echo "$(PYTHON) cannot make environments: install python3-venv (Debian: apt-get install python3-venv)" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }
