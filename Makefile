# make run    install what is needed into .venv and serve on http://127.0.0.1:8050
# make test   also get what the tests need (a browser and its driver, qemu, Redis), run every test
# make help   the other targets

PYTHON   ?= python3
VENV     ?= .venv
HOST     ?= 127.0.0.1
PORT     ?= 8050
DATA_DIR ?= data
# Two processes share the test files; PYTEST_ARGS="-n 0 tests/kmeans_core" runs a few in one.
PYTEST_ARGS ?=
# What make build and make deploy build for; Lambda calls the processors arm64 and x86_64.
ARCHITECTURE   ?= arm64
PYTHON_VERSION ?= 3.13
# Name of the stack on AWS, further parameters of sam_template.yaml (PARAMETERS="MemoryMb=3008"),
# and whether make remove keeps or deletes the data.
STACK      ?=
PARAMETERS ?=
DATA       ?= keep
SAM_VENV   ?= .venv-sam
# Fits at once that make cloud-local grants.
WORKERS ?= 50

BIN := $(VENV)/bin
SAM_BIN := $(SAM_VENV)/bin
SAM_BUILD_DIR := build/sam
export SAM_CLI_TELEMETRY := 0
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help run install kernel kernel-lambda cloud-local test test-tools browser lint bench lock clean \
  build sam validate deploy remove build-FitFunction

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 22

run: install ## serve the dashboard (HOST, PORT, DATA_DIR override)
	$(BIN)/python -m dashboard serve --host "$(HOST)" --port "$(PORT)" --data-dir "$(DATA_DIR)"

install: kernel ## only install into .venv (pinned versions)

kernel: $(VENV)/.installed ## compile the kernel again where its sources have changed
	@$(BIN)/python kmeans_core/kernels/native/compile.py refresh

kernel-lambda: $(VENV)/.installed-build ## the kernel for Lambda, ARCHITECTURE=arm64 or x86_64, into build/
	$(BIN)/python kmeans_core/kernels/native/compile.py build --target $(ARCHITECTURE) \
	  --output build/kernel-$(ARCHITECTURE)/_kernel.so

cloud-local: $(VENV)/.installed-tests kernel ## Lambda, S3 and all on this machine, and the dashboard (PORT, WORKERS)
	@exec $(BIN)/python -m cloud_local --port "$(PORT)" --workers "$(WORKERS)" \
	  $(if $(filter command line,$(origin DATA_DIR)),--data-dir "$(DATA_DIR)")

test: test-tools $(VENV)/.installed-tests kernel ## install test tools and a browser, run every test
	$(BIN)/python -m pytest --headless -n 2 --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

test-tools: ## get Chromium, a C compiler, qemu-user and Redis where they are missing
	@sh tests/install_tools.sh browser compiler arm64 redis

browser: ## get only Chromium and its driver
	@sh tests/install_tools.sh browser

lint: $(VENV)/.installed-tests ## style, common errors and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.installed-tests kernel browser ## print how fast it is on this machine
	$(BIN)/python -m benchmarks

lock: $(VENV)/.installed-tests ## pin the newest versions that fit pyproject.toml
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --upgrade --universal --python-version 3.11 \
	  --no-header --no-annotate --quiet --output-file requirements.txt
	# The browser driver of dash[testing] needs an older urllib3 than the dashboard does.
	grep -v '^urllib3==' requirements.txt > $(VENV)/constraints.txt
	$(BIN)/uv pip compile pyproject.toml --upgrade --extra test --extra cloud --extra lint --universal \
	  --python-version 3.11 --no-header --no-annotate --quiet \
	  --constraint $(VENV)/constraints.txt --output-file tests/requirements.txt
	$(BIN)/uv pip compile tests/sam/requirements.in --upgrade --universal --python-version 3.11 \
	  --no-header --no-annotate --quiet --output-file tests/sam/requirements.txt

build: $(VENV)/.installed-build ## build what a Lambda runs (ARCHITECTURE, PYTHON_VERSION override)
	@$(BIN)/python -m bundle --architecture "$(ARCHITECTURE)" --python "$(PYTHON_VERSION)"

sam: $(SAM_VENV)/.installed ## only install AWS SAM into .venv-sam (pinned versions)

validate: sam ## check sam_template.yaml and build from it, without an AWS account
	$(SAM_BIN)/sam validate --lint --template sam_template.yaml --region eu-central-1
	$(SAM_BIN)/cfn-lint --non-zero-exit-code warning -- sam_template.yaml
	$(MAKE) --no-print-directory $(SAM_BUILD_DIR)/template.yaml
	@$(BIN)/python -m bundle --architecture "$(ARCHITECTURE)" --same-as $(SAM_BUILD_DIR)/FitFunction

deploy: sam ## make or update the stack STACK on AWS (ARCHITECTURE, PARAMETERS override)
	@$(SAM_BIN)/python -m bundle.stack check "$(STACK)"
	$(MAKE) --no-print-directory $(SAM_BUILD_DIR)/template.yaml
	$(SAM_BIN)/sam deploy --template-file $(SAM_BUILD_DIR)/template.yaml --stack-name "$(STACK)" \
	  --resolve-s3 --capabilities CAPABILITY_IAM --no-confirm-changeset \
	  --no-fail-on-empty-changeset --parameter-overrides Architecture=$(ARCHITECTURE) $(PARAMETERS)
	@$(SAM_BIN)/python -m bundle.stack describe "$(STACK)"

remove: sam ## remove the stack STACK from AWS; DATA=delete also its bucket and table
	@$(SAM_BIN)/python -m bundle.stack remove "$(STACK)" --data "$(DATA)"

# SAM itself calls the target build-FitFunction below.
.PHONY: $(SAM_BUILD_DIR)/template.yaml
$(SAM_BUILD_DIR)/template.yaml: $(VENV)/.installed-build $(SAM_VENV)/.installed
	ARCHITECTURE=$(ARCHITECTURE) $(SAM_BIN)/sam build --template-file sam_template.yaml \
	  --build-dir $(SAM_BUILD_DIR) --parameter-overrides Architecture=$(ARCHITECTURE)

# For Lambda's own Python, whatever PYTHON_VERSION says.
build-FitFunction: $(VENV)/.installed-build
	@$(BIN)/python -m bundle --architecture "$(ARCHITECTURE)" --into "$(ARTIFACTS_DIR)"

clean: ## remove .venv, .venv-sam and everything that tools leave behind
	rm -rf $(VENV) $(SAM_VENV) build *.egg-info kmeans_core/kernels/native/_kernel.* .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamps are made anew when the pins change; an interrupted install leaves none.
$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else \
	  "Python 3.11 or newer is needed, this is " + sys.version.split()[0] + \
	  ". Name another one: make PYTHON=/path/to/python3.12 ...")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: requirements.txt pyproject.toml setup.py | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --requirement requirements.txt
	@# Without the filter the build tool prints a page about editable installs.
	PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --no-deps --editable .
	@touch $@

$(VENV)/.installed-tests: tests/requirements.txt $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --requirement tests/requirements.txt
	@touch $@

# zig's C compiler, in the version that the tests use; the dashboard need not be installed.
$(VENV)/.installed-build: tests/requirements.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --constraint tests/requirements.txt packaging ziglang
	@touch $@

$(SAM_VENV)/.installed: tests/sam/requirements.txt
	test -x $(SAM_BIN)/python || $(PYTHON) -m venv $(SAM_VENV)
	$(SAM_BIN)/python -m pip install --quiet --requirement tests/sam/requirements.txt
	@touch $@
