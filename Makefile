# The two commands: `make run` and `make test`. Everything they need is set up by themselves.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PORT ?= 8080
# More test processes than cores: many tests wait, for a name that changes or a time that is over.
JOBS ?= 4

.PHONY: help run test lint format engines bench docs clean

help: ## What can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

$(READY): pyproject.toml
	@echo "... setting up $(VENV)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
		{ echo "waf-builder needs Python 3.10 or newer; choose one with: make PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
		{ echo "no virtual environment could be made; on Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@$(BIN)/pip install -qq --disable-pip-version-check --upgrade 'pip>=25.1'
	@$(BIN)/pip install -qq --disable-pip-version-check --editable . --group dev
	@touch $(READY)

run: $(READY) ## Start a demo backend with the WAF before it, on 127.0.0.1:8080
	@$(BIN)/waf-builder run examples/minimal/backend.yaml --demo --port $(PORT)

# Every process of the tests would compile the sources again where Python must not keep bytecode.
test: export PYTHONDONTWRITEBYTECODE :=
test: $(READY) engines ## Run every test
	@$(BIN)/pytest -n $(JOBS) --dist loadgroup

engines: $(READY) ## Get the engines that the tests use, without root
	@$(BIN)/python -m tests.support.engines

lint: $(READY) ## Check style and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/shellcheck buildpack/runtime/start-waf

format: $(READY) ## Format the code
	@$(BIN)/ruff format .

bench: $(READY) engines ## Measure, and print tables
	@$(BIN)/python bench/render.py

docs: $(READY) ## Write the generated parts of the documentation again
	@$(BIN)/python -m tests.docs

clean: ## Remove what was made here
	rm -rf $(VENV) .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis dist

.PHONY: test-stacks package lock
STACKS ?= bookworm,trixie,sid
test-stacks: $(READY) engines ## Deploy on bare Debian 12, 13 and unstable, as root; or STACKS=bookworm
	@WAF_BUILDER_STACKS=$(STACKS) $(BIN)/pytest -s tests/buildpack/test_stacks.py

.PHONY: test-rules
REQUESTS ?= 2500
test-rules: $(READY) engines ## Compare compiled rules with the installed: REQUESTS for each policy and engine
	@WAF_BUILDER_TEST_REQUESTS=$(REQUESTS) $(BIN)/pytest -n $(JOBS) --dist loadgroup -k say_the_same tests/verify

package: $(READY) ## Make the release archive of the buildpack; WHEELS=--wheels for one with libraries
	@PYTHON=$(BIN)/python buildpack/package $(WHEELS)

# Every Python and processor gets its own wheels, so all their checksums are in the files.
LOCK := $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.10 \
	--generate-hashes --no-emit-package colorama --no-header
lock: $(READY) ## Lock the newest libraries that a deploy uses
	@$(BIN)/pip install --quiet --disable-pip-version-check 'uv>=0.9'
	@{ echo '# What waf-builder needs while it builds, locked: every version with the checksums of its files.'; \
		echo '# Made by: make lock'; $(LOCK) pyproject.toml; } >buildpack/requirements.txt.new
	@{ echo '# The installer that a release archive with wheels carries, so that nothing else is needed.'; \
		echo '# Made by: make lock'; echo 'pip>=25.1' | $(LOCK) --no-annotate -; } >buildpack/pip.txt.new
	@mv buildpack/requirements.txt.new buildpack/requirements.txt
	@mv buildpack/pip.txt.new buildpack/pip.txt

.PHONY: lint-buildpack
lint: lint-buildpack
lint-buildpack: $(READY)
	@$(BIN)/shellcheck --external-sources --enable=all buildpack/bin/* buildpack/lib/*.sh buildpack/package

.PHONY: conformance
TESTS ?= $(WAF_BUILDER_TEST_CRS_3_TESTS)
ENGINE ?= old
conformance: $(READY) ## Run the Core Rule Set's own tests: TESTS=DIR CRS=DIR ENGINE=old, new or DIR
	@PYTHONPATH=tests $(BIN)/python -m conformance $(TESTS) --engine $(ENGINE) $(if $(CRS),--crs $(CRS))
