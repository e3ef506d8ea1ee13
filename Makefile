# The verbs of this repository: people, hooks and CI call these and nothing else. `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.SUFFIXES:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
export PATH := $(PATH):$(HOME)/.cargo/bin

PROFILE ?= release
ARGS ?=
JOBS ?= 2
WHEELS ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/ferrogate/wheels

DEV := .venv-dev/bin
PYTEST := $(DEV)/python -m pytest
SDK_PYTEST := .cache/sdk/bin/python -m pytest

RUST := $(shell find rust -type f)
PYTHON := $(shell find python -type f -not -name '*.pyc' -not -name '*.so')
BUILD := Cargo.toml Cargo.lock pyproject.toml
STATIC := $(shell find python/ferrogate -name '*.html' -o -name '*.js' -o -name '*.css')

# $(call environment,FOLDER,LOCK): a fresh virtual environment with exactly what the lock file names.
define environment
	@printf '==> %s: packages of %s\n' $(1) $(2)
	@"$$(scripts/find-python)" -m venv --clear $(1)
	@$(1)/bin/python -m pip install --disable-pip-version-check --quiet --require-hashes --no-deps -r $(2)
	@touch $(1)/.locked
endef

.PHONY: help setup dev sdk real fmt lint types schema generated test test-real bench peers wheel test-wheel image
.PHONY: audit faults-page dashboard serve lock fuzz chaos soak FORCE

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

serve: setup ## run the gateway with the mock provider on 127.0.0.1:8080 (ARGS=... adds flags)
	@.venv/bin/gateway serve --mock $(ARGS) || [ $$? -eq 130 ]  # Ctrl-C

setup: .venv/.package.$(PROFILE) ## make .venv with the package built in release

dev: .venv-dev/.extension ## make .venv-dev with the tools and a quickly built extension

fmt: .venv-dev/.locked ## format the sources
	cargo fmt --all
	$(DEV)/ruff check --fix-only --quiet .
	$(DEV)/ruff format .

lint: .venv-dev/.locked ## formatting, clippy, ruff, layers, crates
	cargo fmt --all --check
	PYO3_PYTHON="$(CURDIR)/$(DEV)/python" cargo clippy --profile quick --locked --workspace --all-targets -- -D warnings
	$(DEV)/ruff check .
	$(DEV)/ruff format --check .
	$(DEV)/lint-imports
	$(DEV)/python scripts/check_crates.py

audit: .venv-dev/.locked ## licences, known holes, advisory databases (ARGS=--tolerate where none is reached)
	$(DEV)/python scripts/audit.py $(ARGS)

types: dev ## mypy, and the stub against the extension
	$(DEV)/mypy
	$(DEV)/python -m mypy.stubtest ferrogate._core

schema: dev ## write docs/*.schema.json from the models
	$(DEV)/python -m ferrogate.engine.schema

faults-page: dev ## write docs/faults.md from the tables of faults
	$(DEV)/python tests/faults/page.py

generated: dev ## fail where a generated file is not what its source says
	$(DEV)/python -m ferrogate.engine.schema --check
	$(DEV)/python tests/faults/page.py --check

test: dev sdk ## every test that needs no other program
	cargo test --profile quick --locked --workspace --exclude ferrogate-py
	$(PYTEST) -n $(JOBS) --dist loadfile -m 'not real and not docker and not wheel' $(ARGS)
	$(SDK_PYTEST) tests/conformance -m sdk $(ARGS)

test-real: dev real ## the gateway in front of a real OpenAI-compatible server
	REAL_SERVER_PYTHON="$(CURDIR)/.cache/real/bin/python" $(PYTEST) -m real $(ARGS)

test-wheel: dev ## the wheel of dist/ in an empty environment
	$(PYTEST) -m wheel $(ARGS)

bench: .cache/bench/.package ## direct, nginx, native, uvicorn and Python side by side
	.cache/bench/bin/gateway bench compare $(ARGS)

peers: .cache/peers/litellm/.locked .cache/peers/portkey/.locked ## LiteLLM and Portkey, for the bench (needs npm)

fuzz: ## feed each fuzz target for SECONDS (60); TARGET picks one
	FUZZ_SECONDS=$(or $(SECONDS),60) cargo test --profile quick --locked -p ferrogate-fuzz --test targets -- \
	  --nocapture $(TARGET) $(ARGS)

chaos: dev ## everything goes wrong for MINUTES (10), and the books must balance
	$(DEV)/python -m bench.chaos --minutes $(or $(MINUTES),10) $(ARGS)

soak: .cache/bench/.package ## the highest steady load for MINUTES (20), and whether anything grows
	.cache/bench/bin/python -m bench.soak --minutes $(or $(MINUTES),20) $(ARGS)

wheel: dist/.wheel ## the wheel that is published, in dist/

image: ## the container image
	docker build --tag ferrogate .

dashboard: ## name the files of the dashboard (static: there is nothing to build)
	@ls -l $(STATIC)

lock: .venv-dev/.locked ## resolve the lock files again
	scripts/lock $(ARGS)

# --- what the verbs stand on -------------------------------------------------------------------------------------

.venv/.locked: requirements/base.lock
	$(call environment,.venv,$<)

.venv-dev/.locked: requirements/dev.lock
	$(call environment,.venv-dev,$<)

.cache/build/.locked: requirements/build.lock
	$(call environment,.cache/build,$<)

.cache/wheel/.locked: requirements/wheel.lock
	$(call environment,.cache/wheel,$<)

.cache/sdk/.locked: requirements/sdk.lock
	$(call environment,.cache/sdk,$<)

.cache/bench/.locked: requirements/bench.lock
	$(call environment,.cache/bench,$<)

.cache/peers/litellm/.locked: requirements/peers.lock
	$(call environment,.cache/peers/litellm,$<)

.cache/peers/portkey/.locked: bench/peers/portkey/package-lock.json bench/peers/portkey/package.json
	@printf '==> %s: packages of %s\n' $(@D) $<
	@rm -rf $(@D) && mkdir -p $(@D) && cp $^ $(@D)/
	@cd $(@D) && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

.cache/real/.locked: requirements/real.lock
	$(call environment,.cache/real,$<)

# A list that changes when a file comes or goes: a deleted file leaves no date to compare.
.cache/sources: FORCE
	@mkdir -p .cache && printf '%s\n' $(sort $(RUST) $(PYTHON)) > $@.new
	@cmp --silent $@.new $@ && rm $@.new || mv $@.new $@

.venv/.package.$(PROFILE): .venv/.locked .cache/build/.locked .cache/sources $(BUILD) $(RUST) $(PYTHON)
	@scripts/require-rust
	@echo '==> .venv: the package, profile $(PROFILE)'
	@rm -rf .cache/setup .venv/.package.*
	.cache/build/bin/maturin build --profile $(PROFILE) --locked --auditwheel skip \
	  --interpreter .venv/bin/python --out .cache/setup
	@.venv/bin/python -m pip install --disable-pip-version-check --quiet --no-index --no-deps --force-reinstall \
	  .cache/setup/*.whl
	@touch $@

.venv-dev/.extension: .venv-dev/.locked .cache/sources $(BUILD) $(RUST)
	@scripts/require-rust
	@echo '==> .venv-dev: the extension, profile quick'
	env -u CONDA_PREFIX PIP_QUIET=1 VIRTUAL_ENV="$(CURDIR)/.venv-dev" $(DEV)/maturin develop --profile quick --locked
	@touch $@

sdk: dev .cache/sdk/.locked
	@.cache/sdk/bin/python -c 'import site; print(site.getsitepackages()[0])' \
	  | while read -r site; do echo "$(CURDIR)/python" > "$$site/ferrogate.pth"; done

# The server compiles for minutes: its wheel is built once and kept outside the clone.
real: .cache/real/.locked
	@ls "$(WHEELS)"/llama_cpp_python-*.whl >/dev/null 2>&1 || { mkdir -p "$(WHEELS)" && \
	  echo '==> compiling the real server into $(WHEELS), once, some minutes' && \
	  CMAKE_ARGS='-DGGML_NATIVE=OFF' .cache/real/bin/python -m pip wheel --disable-pip-version-check \
	    --require-hashes --no-deps --wheel-dir "$(WHEELS)" -r requirements/real-sdist.lock; }
	@.cache/real/bin/python -m pip install --disable-pip-version-check --quiet --no-index --no-deps \
	  "$(WHEELS)"/llama_cpp_python-*.whl

dist/.wheel: .cache/wheel/.locked .cache/sources $(BUILD) $(RUST) $(PYTHON) README.md LICENSE
	@scripts/require-rust
	@rm -rf dist
	scripts/build-wheel dist
	@touch $@

.cache/bench/.package: .cache/bench/.locked dist/.wheel
	@.cache/bench/bin/python -m pip install --disable-pip-version-check --quiet --no-index --no-deps \
	  --force-reinstall dist/*.whl
	@touch $@
