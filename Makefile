# All that this assumes is Python 3.11+ and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
OUT := out

.PHONY: help setup run serve test test-all check bench golden clean

help:  ## list what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /	/' | expand -t 12

setup: $(STAMP)  ## create the environment

$(STAMP): pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "zhizao needs Python 3.11 or newer; this is " + sys.version.split()[0])'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --requirement requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

run: $(STAMP)  ## sample plant's records -> pilot -> report in out/
	$(BIN)/zhizao sample --out $(OUT)/sample
	$(BIN)/zhizao pilot $(OUT)/sample/records.csv --plant $(OUT)/sample/plant.yaml --workspace $(OUT)/sample/workspace --out $(OUT)/sample/report.html --json $(OUT)/sample/report.json

serve: $(STAMP)  ## pages on the sample plant at http://127.0.0.1:8080
	@test -f $(OUT)/sample/report.json || $(MAKE) run
	$(BIN)/zhizao serve $(OUT)/sample/workspace

check: $(STAMP)  ## format, lint, types, import contracts
	$(BIN)/ruff format --check src tests benchmarks examples
	$(BIN)/ruff check src tests benchmarks examples
	$(BIN)/mypy
	$(BIN)/lint-imports

test: check  ## check, then the everyday tests
	$(BIN)/pytest --doctest-modules --doctest-continue-on-failure -n 2 src
	$(BIN)/pytest -n 2 --dist worksteal -m "not slow" tests

test-all: check  ## check, then every test, slow ones too
	$(BIN)/pytest --doctest-modules --doctest-continue-on-failure -n 2 src
	$(BIN)/pytest -n 2 --dist worksteal tests

bench: $(STAMP)  ## our figure, the peer's and the ratio; writes benchmarks/results/latest.json
	$(BIN)/python -m benchmarks

golden: $(STAMP)  ## renew the golden files, to be read in review
	ZHIZAO_GOLDEN=renew $(BIN)/pytest -q -m "not slow" -k golden tests

clean:  ## remove the environment and what was made
	rm -rf $(VENV) $(OUT) build .mypy_cache .ruff_cache .pytest_cache
