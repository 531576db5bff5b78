# Two commands: `make demo` and `make test`. `make check` runs the linter and the type checker.
FITS = import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))
# The first that runs: a version manager's shim may be there for a Python that isn't.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python -c '$(FITS)' 2>/dev/null && echo $$python && break; done)
PORT ?= 8000
BIN = .venv/bin

.PHONY: demo test check format clean

demo: .venv/.installed
	$(BIN)/lookalike demo --port $(PORT) $(if $(CATALOG),--catalog "$(CATALOG)")

test: .venv/.installed-dev
	$(BIN)/pytest -n logical --maxprocesses 4 --dist worksteal

check: .venv/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: .venv/.installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis

.venv/bin/python:
	@$(or $(PYTHON),false) -c '$(FITS)' || \
		{ echo "lookalike needs Python 3.11 to 3.13 (TensorFlow has no wheel for others yet): make $(MAKECMDGOALS) PYTHON=python3.13" >&2; exit 1; }
	$(PYTHON) -m venv .venv

.venv/.installed: .venv/bin/python pyproject.toml constraints.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .
	@touch $@

.venv/.installed-dev: .venv/.installed
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@
