# Each target makes .venv and installs what is missing; with nothing missing that takes no time.
PYTHON ?= python3
VENV := .venv
STAMP := $(VENV)/.installed
PYTEST_ARGS ?=

.PHONY: install demo test slow speed coverage mutation lint clean

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --constraint constraints.txt --editable '.[dev,gemini,images]'
	touch $@

demo: install
	$(VENV)/bin/bench demo

test: install
	$(VENV)/bin/python -m pytest -n auto --maxprocesses 4 $(PYTEST_ARGS)

slow: install
	$(VENV)/bin/python -m pytest -m slow $(PYTEST_ARGS)

speed: install
	for file in tests/speed/bench_*.py; do $(VENV)/bin/python $$file || exit 1; done

coverage: install
	$(VENV)/bin/python -m tests.coverage

mutation: install
	$(VENV)/bin/python -m tests.mutation

lint: install
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
