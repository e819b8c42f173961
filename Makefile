# Two commands on a fresh machine: `make demo` shows the kit at work, `make test` proves it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: demo test check-content lint types bench clean

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) install -c constraints.txt torch setuptools
	$(PIP) install -c constraints.txt --no-build-isolation -e '.[dev,plots,course]'
	mkdir -p $(VENV)/types && ln -sfn ../.. $(VENV)/types/nnkata
	touch $@

demo: $(READY)
	@$(BIN)/python docs/demo/run.py

test: lint types check-content
	$(BIN)/python -m pytest -q -n 2 --dist loadfile tests

check-content: $(READY)
	$(BIN)/nnkata dev check

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check __init__.py grader cli.py tests solutions benchmarks docs

types: $(READY)
	MYPYPATH=$(VENV)/types $(BIN)/mypy -p nnkata.grader -m nnkata -m nnkata.cli

bench: $(READY)
	$(BIN)/python benchmarks/run.py
	$(BIN)/python -W ignore benchmarks/notebooks.py

clean:
	rm -rf $(VENV) build dist *.egg-info
