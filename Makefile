# Everything a contributor or CI runs. Needs GNU make and Python 3.11 or newer.

PYTHON ?= python3
ARGS ?=
MINUTES ?= 5
# Most of the time tests wait. Each process of pytest has a LocalStack and a Valkey of its own; PARALLEL= for one only.
# One test at a time is handed out, and the folders with the longest come first, so that none is left alone at the end.
PARALLEL ?= --numprocesses 4 --maxschedchunk 1

# The tests start hundreds of Python programs. Where this is set, each compiles all that it imports anew, which takes a
# worker five seconds of CPU.
export PYTHONDONTWRITEBYTECODE :=

BIN := .venv/bin
SETUP_STAMP := .venv/.installed
FUZZ_STAMP := .venv/.fuzz
BENCH_STAMP := .venv/.bench
BROWSER_STAMP := .venv/.browser
OPS_STAMP := .venv/.ops
STAND := localstack/stand.py
# Compiling everything is a third of an install's time, mostly for modules that are never imported.
PIP_INSTALL := $(BIN)/python -m pip --disable-pip-version-check --no-input --quiet install --no-compile
BENCH := cd tests && PYTHONPATH=../localstack ../$(BIN)/python -m benchmarks
# One resolution for every Python and platform; no index is named, so that any mirror serves.
LOCK := uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-annotate --no-header

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

.PHONY: help
help:  ## list these targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

.PHONY: setup
setup: $(SETUP_STAMP)  ## install the project and its tools into .venv

$(SETUP_STAMP): requirements-dev.lock requirements-build.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed, $(PYTHON) is " \
		+ sys.version.split()[0] + ": set PYTHON=/path/to/python")'
	@$(PYTHON) -c 'import venv, ensurepip' \
		|| { echo "Python's venv module is missing: install python3-venv" >&2; exit 2; }
	$(PYTHON) -m venv .venv
	$(PIP_INSTALL) --require-hashes --requirement requirements-dev.lock --requirement requirements-build.lock
	$(PIP_INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

.PHONY: ministack
ministack:  ## install the demo's stand-in for AWS into .stand-ins
	@$(PYTHON) $(STAND) install-ministack

.PHONY: localstack
localstack:  ## install the tests' stand-in for AWS into .stand-ins
	@$(PYTHON) $(STAND) install

.PHONY: demo
demo:  ## see it work: real workers, a stand-in for AWS, no account and no Docker
	@$(MAKE) --no-print-directory --jobs=2 setup ministack
	@PYTHONPATH=localstack $(BIN)/python -m demo $(ARGS)

.PHONY: demo-web
demo-web:  ## the demo, and its page kept open: search for its invoices in a browser
	@$(MAKE) --no-print-directory demo ARGS=--keep

# Needs Python and make alone. Tests that take long, or need another program (a browser), get a target of their own,
# beside their own folder, that fails where it is missing; `.ci/run` calls it too.
.PHONY: test
test: setup localstack  ## run the worker's tests; ARGS are pytest's, as in make test ARGS="-k dedupe -x"
	$(BIN)/pytest $(PARALLEL) $(ARGS)

.PHONY: test-chaos
test-chaos: setup localstack  ## kill, starve and lie to real workers, each in one way after another; ten minutes
	$(BIN)/pytest tests/chaos $(PARALLEL) $(ARGS)

.PHONY: test-tools
test-tools: setup localstack  ## run the tests of what tests and benchmarks rest on: proxy, stub, soak, sizing
	$(BIN)/pytest tests/tools $(PARALLEL) $(ARGS)

.PHONY: test-browser
test-browser: $(BROWSER_STAMP)  ## the page in Debian's Chromium: each screen and state, by all who may use it
	@command -v chromium >/dev/null || { echo "chromium is missing: apt-get install chromium fonts-noto-cjk" >&2; exit 2; }
	@fc-list :lang=ja | grep -q . || { echo "Japanese has no font: apt-get install chromium fonts-noto-cjk" >&2; exit 2; }
	$(BIN)/pytest tests/browser $(ARGS)

$(BROWSER_STAMP): requirements-browser.lock $(SETUP_STAMP)
	$(PIP_INSTALL) --require-hashes --requirement requirements-browser.lock
	@touch $@

.PHONY: test-ops
test-ops: $(OPS_STAMP)  ## alerts, metrics and what deploys, by Debian's promtool, docker-compose and systemd
	@for program in promtool docker-compose systemd-analyze; do command -v $$program >/dev/null || { \
		echo "$$program is missing: apt-get install prometheus docker-compose systemd" >&2; exit 2; }; done
	$(BIN)/pytest tests/ops $(ARGS)

$(OPS_STAMP): requirements-ops.lock $(SETUP_STAMP)
	$(PIP_INSTALL) --require-hashes --requirement requirements-ops.lock
	@touch $@

.PHONY: screenshots
screenshots: $(BROWSER_STAMP)  ## draw the README's pictures of the page anew
	@cd tests/browser && PYTHONPATH=.. ../../$(BIN)/python screenshots.py

.PHONY: chaos
chaos: setup localstack  ## the same at length, and the property tests with it
	$(BIN)/pytest tests/chaos tests/property tests/integration/test_whole_path.py \
		--rounds 6 --hypothesis-profile long $(PARALLEL) $(ARGS)

.PHONY: soak
soak: setup localstack  ## hours of load and faults, memory watched: make soak MINUTES=60
	$(BIN)/python tests/soak/run.py $(MINUTES) $(ARGS)

.PHONY: fuzz
fuzz: $(FUZZ_STAMP)  ## look for messages that break the core: make fuzz MINUTES=30
	@$(BIN)/python tests/fuzz/run.py $(MINUTES)

$(FUZZ_STAMP): requirements-fuzz.lock $(SETUP_STAMP)
	$(PIP_INSTALL) --require-hashes --requirement requirements-fuzz.lock
	@touch $@

.PHONY: bench
bench: $(BENCH_STAMP) localstack  ## how fast, how many calls, what it costs, against others; a quarter of an hour
	@$(BENCH).run $(ARGS)

.PHONY: bench-quick
bench-quick: $(BENCH_STAMP) localstack  ## the same in one round, in less than a minute
	@$(BENCH).run --quick $(ARGS)

.PHONY: bench-latency
bench-latency: $(BENCH_STAMP) localstack  ## from send to readable, idle and at half load; calls with nothing to do
	@$(BENCH).latency $(ARGS)

.PHONY: bench-scaling
bench-scaling: $(BENCH_STAMP)  ## by processes, threads and rate of arrival; draws docs/scaling.png
	@$(BENCH).scaling $(ARGS)
	@$(BENCH).plot

.PHONY: bench-reading
bench-reading: $(BENCH_STAMP) localstack  ## what timelines, documents and days take to read
	@$(BENCH).reading $(ARGS)

.PHONY: bench-api
bench-api: $(BENCH_STAMP) localstack  ## what the calls of the JSON API take on a large table
	@$(BENCH).api $(ARGS)

.PHONY: bench-signatures
bench-signatures: $(BENCH_STAMP)  ## what checking SNS's signatures costs the worker
	@$(BENCH).signatures $(ARGS)

.PHONY: bench-judging
bench-judging: $(BENCH_STAMP)  ## what judging whole timelines of opens and clicks costs a fold
	@$(BENCH).judging $(ARGS)

.PHONY: bench-redis
bench-redis: $(BENCH_STAMP)  ## bytes of Redis memory for each fact that is remembered
	@$(BENCH).redis_memory $(ARGS)

.PHONY: engagement-report
engagement-report: $(BENCH_STAMP)  ## how often opens and clicks are judged rightly, beside others' ways; ARGS=--json
	@cd tests && ../$(BIN)/python -m engagement.report $(ARGS)

$(BENCH_STAMP): requirements-bench.lock $(SETUP_STAMP)
	$(PIP_INSTALL) --require-hashes --requirement requirements-bench.lock
	@touch $@

.PHONY: lint
lint: setup  ## check style, types and the CloudFormation templates
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy localstack/*.py
	MYPYPATH=localstack $(BIN)/mypy --package demo
	$(BIN)/lint-imports --no-logo --no-cache
	$(BIN)/cfn-lint config/template.yaml config/deploy/ecs.yaml

.PHONY: format
format: setup  ## let ruff put files in order
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: openapi
openapi: setup  ## write the API's description, docs/openapi.json
	$(BIN)/python -m email_activity.web > docs/openapi.json

.PHONY: lock
lock:  ## resolve the newest versions into the lock files (needs uv)
	@command -v uv >/dev/null || { echo "uv is missing: pip install uv" >&2; exit 2; }
	$(LOCK) pyproject.toml --extra dev --output-file requirements-dev.lock
	$(LOCK) pyproject.toml --extra web --constraint requirements-dev.lock --output-file requirements.lock
	$(LOCK) --group build --constraint requirements-dev.lock --output-file requirements-build.lock
	$(LOCK) pyproject.toml --extra fuzz --constraint requirements-dev.lock --output-file requirements-fuzz.lock
	$(LOCK) pyproject.toml --extra bench --constraint requirements-dev.lock --output-file requirements-bench.lock
	$(LOCK) pyproject.toml --extra browser --constraint requirements-dev.lock --output-file requirements-browser.lock
	$(LOCK) pyproject.toml --extra ops --constraint requirements-dev.lock --output-file requirements-ops.lock

.PHONY: clean
clean:  ## remove everything that was installed or built here
	rm -rf .venv .stand-ins build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
