# Thin wrappers; what they call is the `edss-tracker` command and the scripts in tools/.

SHELL := /bin/sh
PYTHON := .venv/bin/python
.DEFAULT_GOAL := help
.PHONY: help run test drill bench peers fix requirements clean

help:
	@echo "make run            start EDSS Tracker on this machine (PORT=8000)"
	@echo "make test           every check and every test, on SQLite and on PostgreSQL with Redis"
	@echo "make drill          what is too long for each change: hundreds of faults, thousands of cases (PARTS=faults)"
	@echo "make bench          speed and memory of the engine, beside pymsprog in the same run"
	@echo "make peers          install pymsprog in an environment of its own, to compare with"
	@echo "make fix            format the code and correct what can be corrected"
	@echo "make requirements   lock the dependencies anew after a change of pyproject.toml"
	@echo "make clean          remove .venv, .venv-peers and caches; the data folder stays"

run: .venv/installed
	@$(PYTHON) -m edss_tracker.cli run

test: .venv/installed-dev
	@$(PYTHON) tools/test.py

drill: .venv/installed-dev
	@$(PYTHON) tools/drill.py $(PARTS)

bench: .venv/installed-dev .venv-peers/installed
	@$(PYTHON) tools/bench.py

peers: .venv-peers/installed

fix: .venv/installed-dev
	@$(PYTHON) -m ruff check --fix .
	@$(PYTHON) -m ruff format .

# setuptools installs the project itself, without a download of its own
COMPILE = $(PYTHON) -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-annotate --no-header
LOCK = $(COMPILE) pyproject.toml tools/build.in
requirements: .venv/installed-dev
	@$(LOCK) --output-file requirements.txt
	@$(LOCK) --group dev --constraint requirements.txt --output-file requirements-dev.txt
	@$(COMPILE) tools/peers.in --output-file requirements-peers.txt

clean:
	rm -rf .venv .venv-peers *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/installed: requirements.txt pyproject.toml
	@$(call install,requirements.txt)

.venv/installed-dev: requirements-dev.txt pyproject.toml
	@$(call install,requirements-dev.txt)

.venv-peers/installed: requirements-peers.txt .venv/installed-dev
	@$(PYTHON) tools/peers.py

# The first Python from 3.11 that really starts (a version manager's stand-in may not)
define install
for python in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
		exec $$python tools/environment.py $(1) $@; \
	fi; \
done; \
echo "make: EDSS Tracker needs Python 3.11 or later: install it (Debian 12, Ubuntu 24.04: apt install python3 python3-venv)." >&2; exit 1
endef
