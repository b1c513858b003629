# Everything a person does here, one line each. Needs make and Python 3.11 or newer.
PYTHON ?= python3
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
LOCK := $(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate --quiet

.PHONY: serve test check conformance bench docs lock clean

serve: .venv/serve  ## serve the embedded model on 127.0.0.1:1337
	@$(BIN)/g4f pull smollm2
	@$(BIN)/g4f api

test: .venv/dev  ## every test, on every backend
	@$(BIN)/g4f pull smollm2 minilm whisper-tiny.en
	@$(BIN)/python -m pytest -n 2 --dist loadgroup

check: .venv/dev  ## lint, types, import contracts, generated docs
	@$(BIN)/ruff check && $(BIN)/ruff format --check && $(BIN)/mypy && $(BIN)/lint-imports && $(BIN)/python -m docs.generate --check

conformance: .venv/dev  ## judge our four servers; `python -m conformance URL` judges any other
	@$(BIN)/python -m pytest -n 2 --dist loadgroup tests/conformance/test_suite.py

bench: .venv/dev  ## the figures of bench/README.md
	@$(BIN)/python -m bench.hot && $(BIN)/python -m bench.servers && $(BIN)/python -m bench.gateway

docs: .venv/dev  ## the pages that are made from the code
	@$(BIN)/python -m docs.generate

lock: .venv/dev  ## newer versions into the constraints
	@$(INSTALL) uv && $(LOCK) --extra local --extra uvloop --group build -o constraints-serve.txt && $(LOCK) --all-extras --group build --group test --group check --group bench -o constraints.txt

clean:  ## remove what make made
	@rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

.venv/serve: pyproject.toml constraints-serve.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(INSTALL) --require-hashes --no-deps -r constraints-serve.txt && $(INSTALL) --no-deps --no-build-isolation --editable . && touch $@

.venv/dev: pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(INSTALL) --require-hashes --no-deps -r constraints.txt && $(INSTALL) --no-deps --no-build-isolation --editable . && touch $@
