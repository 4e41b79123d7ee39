# Each target makes .venv and installs what is missing; with nothing missing that takes no time.
PYTHON ?= python3
VENV := .venv
STAMP := $(VENV)/.installed
LINT_STAMP := $(VENV)/.lint
DOCS_STAMP := $(VENV)/.docs
NAMES := dev dicom gemini idc mlflow model ray slurm tune
COMMA := ,
EMPTY :=
EXTRAS := $(subst $(EMPTY) $(EMPTY),$(COMMA),$(NAMES))
PYTEST_ARGS ?=
# The newest releases of NumPy, SciPy and Zarr ask for a newer Python than the oldest that the project runs on.
NEWEST_PYTHON ?= $(PYTHON)

# Whether .ci/hashes.txt is for this Python and machine: then nothing is installed but what has a hash there.
# `make install HASHED=false` does without, e.g. for another build of torch.
HASHED ?= $(VENV)/bin/python .ci/is_hashed_platform.py
PIP = $(VENV)/bin/python -m pip install --quiet
HASHES_ONLY = --require-hashes --only-binary :all:

.PHONY: install constraints demo test test-newest test-lowest dist-check slow speed gpu coverage mutation fuzz search \
	docs notebooks lint audit clean

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt .ci/hashes.txt
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	if $(HASHED); then \
		$(PIP) $(HASHES_ONLY) --requirement .ci/hashes.txt && \
		$(PIP) --no-deps --no-build-isolation --editable .; \
	else \
		$(PIP) --constraint constraints.txt --editable '.[$(EXTRAS)]'; \
	fi
	touch $@

# The tools of linting and of the documentation, each where it is used.
$(LINT_STAMP) $(DOCS_STAMP): $(VENV)/.%: $(STAMP) .ci/hashes-%.txt
	if $(HASHED); then \
		$(PIP) $(HASHES_ONLY) --requirement .ci/hashes-$*.txt; \
	else \
		$(PIP) --constraint constraints.txt --editable '.[$(EXTRAS),$*]'; \
	fi
	touch $@

# Hashes of the wheels for the platform that is tested; the registry's index gives them, nothing is downloaded.
LOCK = $(VENV)/bin/uv pip compile --quiet --generate-hashes --only-binary :all: --python-version 3.11 \
	--python-platform x86_64-manylinux_2_28 --no-header --no-annotate

# For maintainers: the newest versions for Python 3.11 and newer, with markers where they differ. torch itself says
# which of NVIDIA's libraries it takes.
constraints: install
	$(VENV)/bin/python -m pip install --quiet uv
	$(VENV)/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 $(foreach extra,docs lint $(NAMES),--extra $(extra)) --no-header --no-annotate pyproject.toml \
		--output-file constraints.txt
	sed -i.old '/^nvidia-/d; /^cuda-/d; /^triton==/d' constraints.txt && rm constraints.txt.old
	$(LOCK) --constraint constraints.txt $(foreach extra,$(NAMES),--extra $(extra)) pyproject.toml --output-file .ci/hashes.txt
	$(LOCK) --constraint constraints.txt --extra lint pyproject.toml --output-file .ci/hashes-lint.txt
	$(LOCK) --constraint constraints.txt --extra docs pyproject.toml --output-file .ci/hashes-docs.txt
	$(LOCK) --upgrade .ci/audit.in --output-file .ci/audit.txt

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
	$(VENV)-lowest/bin/python .ci/light_dependencies.py --lowest ct > $(VENV)-lowest/requirements.txt
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

# On a machine with a CUDA device; .ci/gpu_wheels.sh brings what one without a registry lacks.
gpu: install
	$(VENV)/bin/python -m tests.gpu

coverage: install
	$(VENV)/bin/python -m tests.coverage

mutation: install
	$(VENV)/bin/python -m tests.mutation

# Damaged copies of small valid files, read by everything that reads; tests/fuzz/__main__.py names its settings.
fuzz: install
	$(VENV)/bin/python -m tests.fuzz

# The properties on examples that no other run drew; put what fails into its test as an @example.
search: install
	HYPOTHESIS_PROFILE=search $(VENV)/bin/python -m pytest -n auto --maxprocesses 4 \
		$$(grep -rl --include='test_*.py' hypothesis tests) $(PYTEST_ARGS)

# The documentation, into site/; a link that leads nowhere fails.
docs: $(DOCS_STAMP)
	NO_MKDOCS_2_WARNING=1 $(VENV)/bin/python -m mkdocs build --strict

# The notebooks, which are pages of the documentation, run from top to bottom and give what is committed.
notebooks: install
	$(VENV)/bin/python -m pytest -m 'slow or not slow' tests/notebooks tests/statistics/test_notebook.py $(PYTEST_ARGS)

lint: $(LINT_STAMP)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

# Known vulnerabilities of what .ci/hashes.txt lists, where pip-audit reaches its data.
audit: install
	$(VENV)/bin/python .ci/audit.py

clean:
	rm -rf $(VENV) $(VENV)-newest $(VENV)-lowest $(VENV)-audit build dist site *.egg-info .pytest_cache .mypy_cache .ruff_cache
