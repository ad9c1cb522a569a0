# Two commands for a fresh machine: `make demo` and `make test`. Both create .venv on first use.
PYTHON ?= python3
VENV := .venv
READY := $(VENV)/.ready

.PHONY: demo test trackers torture soak mutants lint site package audit lock clean

demo: $(READY)
	$(VENV)/bin/vidcondense demo

test: $(READY)
	$(VENV)/bin/python -m pytest -n auto --dist loadgroup

# The tests of trackers whose libraries are too large for .venv, beside which they are installed.
trackers: $(READY)
	$(PYTHON) -m venv build/trackers && build/trackers/bin/pip install --quiet trackio wandb
	$(VENV)/bin/python -c "import sysconfig; print(sysconfig.get_path('purelib'))" > \
		$$(build/trackers/bin/python -c "import sysconfig; print(sysconfig.get_path('purelib'))")/zz.pth
	PYTHONPATH=src build/trackers/bin/python -m pytest tests/tracking

torture: $(READY)
	$(VENV)/bin/python -m pytest torture -n auto --dist loadgroup

# 20 minutes of repeated runs in one process; prints memory, open files and threads.
soak: $(READY)
	TORTURE_SOAK_SECONDS=1215 $(VENV)/bin/python -m pytest torture/test_soak.py -s

# Some 1,600 changes to modules of pure functions, of which tests have to take notice; it goes on where it was stopped.
mutants: $(READY)
	OMP_NUM_THREADS=1 $(VENV)/bin/mutmut run
	$(VENV)/bin/mutmut results
	$(VENV)/bin/mutmut export-cicd-stats

lint: $(READY)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports --no-logo
	$(VENV)/bin/hadolint Dockerfile

# The documentation as pages that need no network, with every notebook as it ran, and all links checked.
NOTEBOOKS := $(patsubst examples/notebooks/%.ipynb,build/notebooks/%.md,$(wildcard examples/notebooks/*.ipynb))

site: $(READY) $(NOTEBOOKS)
	NO_MKDOCS_2_WARNING=1 $(VENV)/bin/python -m mkdocs build --quiet --strict
	$(VENV)/bin/python website/check.py build/site

build/notebooks/%.md: examples/notebooks/%.ipynb website/notebooks.py $(shell find src -name '*.py') | $(READY)
	$(VENV)/bin/python website/notebooks.py $< $@

# The source distribution is whole, and what is installed from it works elsewhere.
package: $(READY)
	.ci/package

# Known vulnerabilities of what is installed; not an error where the database is out of reach.
audit:
	PYTHON=$(PYTHON) .ci/audit

# Renews the hashes after a change of requirements-dev.in.
lock:
	$(PYTHON) -m venv build/lock && build/lock/bin/pip install --quiet uv
	build/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
		--custom-compile-command "make lock" requirements-dev.in --output-file requirements-dev.txt

$(READY): pyproject.toml requirements-dev.txt requirements-torch.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "vidcondense needs Python 3.11 or newer: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --require-hashes -r requirements-dev.txt
	$(VENV)/bin/pip install --quiet -r requirements-torch.txt
	$(VENV)/bin/pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

clean:
	rm -rf $(VENV) build dist src/*.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
