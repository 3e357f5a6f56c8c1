# `make demo` and `make test` need git, make and Python 3.11 or newer; they set up .venv themselves.

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
INSTALLED_DEV := $(VENV)/.installed-dev
SYSTEM := $(VENV)/.system
SOURCES := pyproject.toml constraints.txt hatch_build.py

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
# A virtual screen even where there is a real one: the tests move the mouse and type.
XVFB = $(shell [ "$$(uname -s)" = Linux ] && command -v xvfb-run >/dev/null && echo 'xvfb-run -a -s "-screen 0 1600x1000x24"')

.PHONY: help demo test lint dev clean

help:
	@echo 'make demo   the whole job on a built-in phantom study, results in demo-output/'
	@echo 'make test   all tests (ARGS="-k name" for some, ARGS=-n0 in one process)'
	@echo 'make lint   ruff, mypy, the import contracts'
	@echo 'make dev    .venv with all tools, and pre-commit in this clone'
	@echo 'make clean  remove .venv and everything built'

demo: $(INSTALLED)
	$(BIN)/scarnet demo -o demo-output

# Two processes; a file's tests stay together, since they share what is costly to make.
test: $(SYSTEM)
	$(XVFB) $(BIN)/python -m pytest -n 2 --dist loadfile $(ARGS)

lint: $(INSTALLED_DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

dev: $(INSTALLED_DEV)
	$(BIN)/pre-commit install

clean:
	rm -rf $(VENV) build dist demo-output .pytest_cache .mypy_cache .ruff_cache .import_linter_cache

$(BIN)/python:
	@test -n '$(PYTHON)' || { echo 'error: no Python 3.11 or newer was found: install one, or name it: make PYTHON=/path/to/python3' >&2; exit 1; }
	@sh scripts/system-packages.sh venv '$(PYTHON)'
	'$(PYTHON)' -m venv $(VENV)

$(INSTALLED): $(SOURCES) | $(BIN)/python
	@echo 'Installing into $(VENV): a few minutes the first time.'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[all,test]'
	@touch $@

$(INSTALLED_DEV): $(INSTALLED)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

$(SYSTEM): $(INSTALLED)
	@sh scripts/system-packages.sh display $(BIN)/python
	@touch $@
