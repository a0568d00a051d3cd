# What people type. What a target does beyond one command is Python: src/p3idp/lab.
.DEFAULT_GOAL := help
BIN := .venv/bin
# Arguments for pytest, such as: make test ARGS="tests/core -k entitlement"
ARGS ?=
# Read by the documentation theme: nothing of ours.
export NO_MKDOCS_2_WARNING := 1
# Every version with its hashes; --upgrade is yours to add.
LOCK := uv pip compile --quiet --python-version 3.11 --generate-hashes --no-annotate --no-header --no-emit-index-url

.PHONY: help install run stop status test check format docs docs-generate lock test-horizon test-clients prove matrix bench scale faults

help:  ## List what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

install:  ## Install all that is missing: Python and npm packages, Keystone, Debian packages where allowed
	@PYTHONPATH=src python3 -m p3idp.lab.bootstrap

run: install  ## Start the lab and the broker, apply the example policy, and say what to try
	@$(BIN)/p3idp lab demo

stop:  ## Stop everything that `make run` started, and nothing else
	@[ ! -x $(BIN)/p3idp ] || $(BIN)/p3idp lab down

status:  ## Tell how the servers of the lab are
	@$(BIN)/p3idp lab status

test: install  ## Run the tests in two processes, each with servers of its own on free ports
	@$(BIN)/python -m pytest -n 2 --dist loadfile $(ARGS)

test-horizon: install  ## Sign in through a real Horizon by Chromium (installs 380 MB once); P3IDP_PICTURES=1 keeps the pictures
	@$(BIN)/python -m pytest tests/horizon $(ARGS)

test-clients: install  ## Work with openstack, openstacksdk and Ansible against a real Barbican (installs 750 MB once)
	@$(BIN)/python -m pytest tests/clients $(ARGS)

prove: install  ## Prove the mapping engine against Keystone's own: 200,000 pairs; ARGS="--pairs 1000000" for more
	@PYTHONPATH=tests/kit $(BIN)/python tests/prove/prove.py --fixtures --hunt 2000 $(ARGS)

matrix: install  ## The same proof on Keystone 24 to 30, and why they differ; status 1 on anything new (installs 600 MB once)
	@PYTHONPATH=tests/kit $(BIN)/python tests/prove/matrix.py $(ARGS)

bench: install  ## Measure p3idp beside Keystone: engines, replay, exchanges, the command line, plans, applies (build/*.json)
	@PYTHONPATH=tests/kit $(BIN)/python tests/bench/engines.py
	@PYTHONPATH=tests/kit $(BIN)/python tests/bench/replaying.py
	@PYTHONPATH=tests/kit $(BIN)/python tests/bench/exchange.py $(ARGS)
	@PYTHONPATH=tests/kit $(BIN)/python tests/bench/capacity.py
	@PYTHONPATH=tests/kit $(BIN)/python tests/bench/flood.py
	@PYTHONPATH=tests/kit:tests/client $(BIN)/python tests/bench/client.py
	@PYTHONPATH=tests/kit $(BIN)/python tests/bench/scale.py --json build/scale-small.json

faults: install  ## Kill `p3idp apply` at every write, and fail it in every other way: a table; ARGS="--only kills" for less
	@$(BIN)/python tests/faults/faults.py $(ARGS)

scale: install  ## The same at 1,000 communities and 20,000 users (half an hour; once built it stays in build/scale-lab)
	@PYTHONPATH=tests/kit $(BIN)/python tests/bench/scale.py --communities 1000 --users 20000 --sign-ins 300 --rounds 5 \
		--first-apply 20 --keep build/scale-lab $(ARGS)

check: install  ## Formatting, lint, types, import contracts, generated pages, documentation: under a minute
	@$(BIN)/ruff format --check --quiet . || { echo "Run \`make format\`."; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python docs/generate.py --check
	@$(BIN)/mkdocs build --quiet

format:  ## Format the code
	@$(BIN)/ruff check --quiet --fix . ; $(BIN)/ruff format .

docs: docs-generate  ## Build the documentation into site/
	@$(BIN)/mkdocs build

docs-generate:  ## Write the reference pages that the code itself knows
	@$(BIN)/python docs/generate.py

lock:  ## Renew the lock files of p3idp and of each server and client of the lab that has its own
	@$(BIN)/$(LOCK) pyproject.toml --extra dev -o deploy/lock/p3idp.txt
	@$(BIN)/$(LOCK) deploy/lock/keystone.in -o deploy/lock/keystone.txt
	@$(BIN)/$(LOCK) deploy/lock/horizon.in -o deploy/lock/horizon.txt
	@$(BIN)/$(LOCK) deploy/lock/barbican.in -o deploy/lock/barbican.txt
	@$(BIN)/$(LOCK) pyproject.toml deploy/lock/ansible.in -o deploy/lock/ansible.txt
