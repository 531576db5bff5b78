# `make demo` and `make test` are all that most people need; CONTRIBUTING.md explains the rest.
FITS = import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))
# The first that runs: a version manager's shim may be there for a Python that isn't.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python -c '$(FITS)' 2>/dev/null && echo $$python && break; done)
PORT ?= 8000
BIN = .venv/bin
# Twice as many as cores: tests wait for servers and processes most of the time.
PROCESSES ?= $(shell $(BIN)/python -c 'import os; print(min(2 * os.cpu_count(), 8))')
PYTEST = $(BIN)/pytest -n $(PROCESSES) --dist worksteal

# A notice of mkdocs-material about its successor; the version is pinned.
export NO_MKDOCS_2_WARNING = 1

.PHONY: demo compact test test-fast soak check docs docs-serve format clean

demo: .venv/.installed
	$(BIN)/lookalike demo --port $(PORT) $(if $(CATALOG),--catalog "$(CATALOG)")

# The bundled weights, from photos: see docs/models.md. A run that was killed goes on.
compact: .venv/.installed
	@test -n "$(PHOTOS)" -a -n "$(TEACHER)" || \
		{ echo 'usage: make compact PHOTOS="FOLDER FOLDER" TEACHER=FILE (mobilenet_v2 weights)' >&2; exit 2; }
	$(BIN)/lookalike train trained_compact --recipe compact --teacher-weights "$(TEACHER)" \
		$(foreach folder,$(PHOTOS),--from "$(folder)") --output trained_compact.weights.h5

# Everything, with the branches of app and worker that it takes.
test: .venv/.installed-dev
	$(PYTEST) --cov --cov-report=
	$(BIN)/coverage report --fail-under=92
	$(BIN)/python -m tests.support.branches --at-least 92

# The inner loop: what needs no TensorFlow, Ray, browser or web server.
test-fast: .venv/.installed-dev
	$(PYTEST) -m "not slow"

# Everything that is drawn at random, drawn anew and more of it; a failure says how to repeat it.
soak: .venv/.installed-dev
	KILLS=$${KILLS:-60} KILL_SEED=$${KILL_SEED:-random} $(PYTEST) --hypothesis-profile=soak

check: .venv/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/deptry .
	$(BIN)/deptry app worker migrations --optional-dependencies-dev-groups dev,bench --ignore DEP002
	$(BIN)/mkdocs build --quiet --strict

docs: .venv/.installed-dev
	$(BIN)/mkdocs build --strict

docs-serve: .venv/.installed-dev
	$(BIN)/mkdocs serve --strict

format: .venv/.installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage* site

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
