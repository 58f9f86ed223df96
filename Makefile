# Two commands do everything: `make up` and `make test`.
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Without these the sandbox stays as it is; the first time it gets two hosts of Debian 12.
HOSTS ?=
OS ?=
STACK ?= dev
# How tests are shared out among the workers is told in tests/conftest.py.
PYTEST := $(BIN)/python -m pytest tests -n auto --maxprocesses 4

.PHONY: help up down preview destroy status show docs audit reconcile hostkeys forget calico-manifest release test test-fast lint e2e e2e-long tools clean

help: ## What there is
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# Made anew when a requirement changes; an install that was cut off leaves no stamp and starts over. What hosts of one's own
# need is what the program needs; the sandbox and the tests need more.
$(VENV)/.program: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "kubenode needs Python 3.11 or later, this is " + sys.version)'
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || test "$$(id -u)" != 0 || apt-get install -y -qq python3-venv
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/.stamp: $(VENV)/.program requirements-dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt -r requirements-dev.txt
	@touch $@

up: $(VENV)/.stamp ## Sandbox (HOSTS=2, OS=bookworm), then pulumi up on stack dev, then the nginx proof and a table of nodes
	@$(BIN)/python -m sandbox up $(if $(HOSTS),--hosts $(HOSTS)) $(if $(OS),--os $(OS))
	@$(BIN)/python -m sandbox deploy --stack $(STACK)

# The sandbox's stack has its passphrase and its pulumi there.
SANDBOX = { test -e .sandbox/env.sh || { echo "there is no sandbox here yet: run 'make up' first" >&2; exit 1; }; } && . .sandbox/env.sh

preview: $(VENV)/.stamp ## What the next `make up` would change
	@$(SANDBOX) && pulumi preview --stack $(STACK) --diff

destroy: $(VENV)/.stamp ## Give the hosts back; the sandbox stays
	@$(SANDBOX) && pulumi destroy --stack $(STACK) --yes

down: $(VENV)/.stamp ## Remove the sandbox, its hosts and the state of its stacks; says what it leaves
	@$(BIN)/python -m sandbox down --force

status: $(VENV)/.stamp ## What runs
	@$(BIN)/python -m sandbox status

ENV = $(if $(filter dev,$(STACK)),$(SANDBOX) && )

audit: $(VENV)/.program ## What of the hosts of STACK=dev is not as it was applied; reads only (NODE=, ARGS=--json)
	@$(ENV)$(BIN)/python -m components.audit $(NODE) --stack $(STACK) $(ARGS)

reconcile: $(VENV)/.program ## Audit, apply drifted nodes again by `pulumi up`, audit once more (NODE=, ARGS=--preview or --yes)
	@$(ENV)$(BIN)/python -m components.audit $(NODE) --stack $(STACK) --reconcile $(ARGS)

hostkeys: $(VENV)/.program ## Collect missing SSH host keys into the configuration of STACK, for review (ARGS=--help)
	@$(BIN)/python -m components.hostkeys --stack $(STACK) $(ARGS)

forget: $(VENV)/.program ## Take NODE=name, whose host is gone, out of cluster and state of STACK; logs in to no host (FORCE=yes)
	@$(BIN)/python -m components.forget $(or $(NODE),$(error forget: which node? For example: make forget NODE=worker-1)) --stack $(STACK) $(if $(FORCE),--force)

calico-manifest: $(VENV)/.program ## Fetch the manifests that the calico section of STACK=dev names, by SHA-256, into manifests/
	@$(BIN)/python -m components.manifests --stack $(STACK)

release: $(VENV)/.program ## Give back HOST=root@address, whose stack has lost its state, by its own record (SSH=, YES=yes)
	@$(BIN)/python -m components.release $(or $(HOST),$(error release: which host? For example: make release HOST=root@192.0.2.10)) $(if $(SSH),--ssh='$(SSH)') $(if $(YES),--yes)

tools: $(VENV)/.stamp ## Build the tools into the cache, ahead of `make up`
	@$(BIN)/python -m sandbox.tools build

show: $(VENV)/.program ## What the host of NODE=name will hold (STACK=dev, PART=, FILE=, OUTPUT=); asks no host and no cluster
	@$(BIN)/python -m components.show $(or $(NODE),$(error show: which node? For example: make show NODE=worker-1)) --stack $(STACK) $(if $(PART),--part $(PART)) $(if $(FILE),--file $(FILE)) $(if $(OUTPUT),--output $(OUTPUT))

docs: $(VENV)/.stamp ## Write the generated pages of docs/ and the JSON Schemas from the models, tables and tests
	@$(BIN)/python -m components.settings
	@$(BIN)/python -m tests.components.seed_changes
	@$(BIN)/python -m tests.plugins.behaviours

lint: $(VENV)/.stamp ## ruff, mypy, shellcheck, actionlint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/shellcheck -s sh -x -P components/remote \
		$$(git grep -lE '^#(!/bin/sh| shellcheck shell=sh)' -- . ':!*.py' ':!*.md' ':!components/remote/lib/')
	$(BIN)/shellcheck -s sh -x -a -P components/remote components/remote/lib.sh
	@$(BIN)/python -m sandbox.tools build --only actionlint >/dev/null
	"$$($(BIN)/python -m sandbox.tools path actionlint)" -shellcheck $(BIN)/shellcheck -pyflakes=

test: lint tools ## Everything: lint, unit, shell, plugins, and end to end on a sandbox of its own
	$(PYTEST)

test-fast: $(VENV)/.stamp ## Unit and golden tests only: no sandbox, seconds
	$(PYTEST) -m 'not sandbox and not long' --ignore tests/e2e

e2e-long: $(VENV)/.stamp ## The proofs that need waiting
	$(PYTEST) -m long

clean: ## Remove the virtual environment and what tests left; not the sandbox
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
