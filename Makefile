# Each target makes .venv and installs what is missing; with nothing missing that takes no time.
PYTHON ?= python3
VENV := .venv
STAMP := $(VENV)/.installed
LINT_STAMP := $(VENV)/.lint
EXTRAS := dev,gemini,images,model
PYTEST_ARGS ?=
# The newest releases of NumPy, SciPy and Zarr ask for a newer Python than the oldest that the project runs on.
NEWEST_PYTHON ?= $(PYTHON)

.PHONY: install constraints demo test test-newest test-lowest dist-check slow speed coverage mutation fuzz lint clean

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --constraint constraints.txt --editable '.[$(EXTRAS)]'
	touch $@

$(LINT_STAMP): $(STAMP)
	$(VENV)/bin/python -m pip install --quiet --constraint constraints.txt --editable '.[$(EXTRAS),lint]'
	touch $@

# For maintainers: the newest versions for Python 3.11 and newer, with markers where they differ. torch itself says
# which of NVIDIA's libraries it takes.
constraints: install
	$(VENV)/bin/python -m pip install --quiet uv
	$(VENV)/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 --extra dev --extra gemini \
		--extra images --extra lint --extra model --no-header --no-annotate pyproject.toml \
		--output-file constraints.txt
	sed -i.old '/^nvidia-/d; /^cuda-/d; /^triton==/d' constraints.txt && rm constraints.txt.old

demo: install
	$(VENV)/bin/bench demo

test: install
	$(VENV)/bin/python -m pytest -n auto --maxprocesses 4 $(PYTEST_ARGS)

# The tests of the light install, on what pip finds without constraints.
test-newest:
	test -x $(VENV)-newest/bin/python || $(NEWEST_PYTHON) -m venv $(VENV)-newest
	$(VENV)-newest/bin/python .ci/light_dependencies.py > $(VENV)-newest/requirements.txt
	$(VENV)-newest/bin/python -m pip install --quiet --upgrade --upgrade-strategy eager \
		--requirement $(VENV)-newest/requirements.txt
	$(VENV)-newest/bin/python -m pip install --quiet --no-deps --editable .
	$(VENV)-newest/bin/python -c "import sys, benchmark.extras as e; sys.exit(not e.missing_modules('ct') and \
		'$(VENV)-newest is older than the light install: delete it')"
	$(VENV)-newest/bin/python -m pytest -n auto --maxprocesses 4 $(PYTEST_ARGS)

# The tests that need no torch, with what reads CT scans, on the lowest versions that pyproject.toml allows. These
# warn of what later releases of their own dependencies deprecate, which is not for us to mend.
test-lowest:
	test -x $(VENV)-lowest/bin/python || $(PYTHON) -m venv $(VENV)-lowest
	$(VENV)-lowest/bin/python .ci/light_dependencies.py --lowest ct images > $(VENV)-lowest/requirements.txt
	$(VENV)-lowest/bin/python -m pip install --quiet --requirement $(VENV)-lowest/requirements.txt
	$(VENV)-lowest/bin/python -m pip install --quiet --no-deps --editable .
	$(VENV)-lowest/bin/python -m pytest -n auto --maxprocesses 4 -W ignore::DeprecationWarning \
		-W ignore::FutureWarning $(PYTEST_ARGS)

# The wheel and the sdist, built and tried in an empty environment and an empty folder.
dist-check:
	$(PYTHON) .ci/dist_check.py

slow: install
	$(VENV)/bin/python -m pytest -m slow -n auto --maxprocesses 2 $(PYTEST_ARGS)

speed: install
	for file in tests/speed/bench_*.py; do $(VENV)/bin/python $$file || exit 1; done

coverage: install
	$(VENV)/bin/python -m tests.coverage

mutation: install
	$(VENV)/bin/python -m tests.mutation

# Damaged copies of small valid files, read by everything that reads; tests/fuzz/__main__.py names its settings.
fuzz: install
	$(VENV)/bin/python -m tests.fuzz

lint: $(LINT_STAMP)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

clean:
	rm -rf $(VENV) $(VENV)-newest $(VENV)-lowest build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
