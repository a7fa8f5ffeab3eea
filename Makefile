# Each target makes its own virtual environment in .venv and needs nothing but Python and make.
PYTHON ?= python3
BIN = .venv/bin

.PHONY: demo test lint types docs build clean

demo: .venv/library
	$(BIN)/python -m aioami.demo

test: .venv/development
	$(BIN)/python -m pytest

lint: .venv/development
	$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: .venv/development
	$(BIN)/mypy src && $(BIN)/mypy tests/typing && $(BIN)/pyright

docs: .venv/development
	$(BIN)/sphinx-build -W --keep-going -n -b html docs docs/_build/html

build: .venv/development
	$(BIN)/python -m build

clean:
	rm -rf .venv dist build docs/_build .mypy_cache .pytest_cache .ruff_cache .hypothesis

.venv/library: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

.venv/development: .venv/library
	$(BIN)/python -m pip install --quiet --group dev --editable ".[cli]"
	touch $@
