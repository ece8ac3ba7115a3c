# Thin: what the targets do stands in scripts/, so that it can be had without make too.
PYTHON ?= python3
VENV := .venv/bin/python
DATA ?= $(MFE_TEST_DATA)

.PHONY: help run test lint bench soak train clean

help:
	@echo "make run     set up what is missing, then run the app (PORT=8501, OPEN=0: no browser)"
	@echo "make test    lint and all tests (ARGS=... for pytest)"
	@echo "make lint    ruff and mypy alone"
	@echo "make bench   speed beside peers, memory and quality in one table, under 10 minutes (DATA=folder; LIBRARIES=folder: what is kept)"
	@echo "make soak    nothing is lost: 200 kills, thousands of operations, moved folders (about 40 minutes; DATA=folder for the last)"
	@echo "make train   make the built-in model anew, about an hour and 5 GB of disk (DATA=folder with flickr8k and labelled)"
	@echo "make clean   remove .venv and caches; never data/ or chroma_db/"
	@echo "PYTHON=python3.12 and the like choose another Python"

run:
	@$(PYTHON) scripts/run.py

test:
	@$(PYTHON) scripts/test.py $(ARGS)

lint:
	@$(PYTHON) scripts/test.py --lint

bench: data
	@$(PYTHON) scripts/setup.py --dev
	@$(VENV) -m benchmarks.quick --data "$(DATA)" $(if $(LIBRARIES),--libraries "$(LIBRARIES)")

soak:
	@$(PYTHON) scripts/setup.py --dev
	@$(VENV) -m benchmarks.kill --kills 200
	@$(VENV) -m benchmarks.soak
	@test -z "$(DATA)" || $(VENV) -m benchmarks.move --data "$(DATA)"

train: data
	@$(PYTHON) scripts/setup.py --train
	@$(VENV) -m training.build --data "$(DATA)"

.PHONY: data
data:
	@test -n "$(DATA)" || { echo "Name the folder with the test data: make $(MAKECMDGOALS) DATA=folder" >&2; exit 1; }

clean:
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis tests/output
	@find src tests scripts benchmarks training -type d -name __pycache__ -prune -exec rm -rf {} +
