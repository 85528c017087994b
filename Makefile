# Needs Python 3.11 or newer with its venv module, and nothing else; `make help` lists the targets.
# On Debian, as root, programs that a target needs are installed from Debian's packages, without starting services.

VENV ?= .venv
PYTHON ?=
BIN := $(VENV)/bin
ARGS ?=
# Half as many again as the cores that we may use, as most tests wait; those that measure how long something takes are
# marked alone, and run when the others are through.
WORKERS ?= $(shell $(BIN)/python -c 'import os; n = len(os.sched_getaffinity(0)); print(n + (n + 1) // 2)' 2>/dev/null || echo auto)
PYTEST = $(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup --no-loadscope-reorder
ALONE = $(BIN)/python -m pytest -n 1 --dist loadgroup
# Servers, browsers and clocks are real: on a machine that others use, one of thousands may be outrun. What fails is shown,
# and runs once more with nothing beside it; what fails twice fails. 5: ARGS chose nothing.
AGAIN = { code=$$?; [ $$code = 5 ] || { [ $$code = 1 ] && $(call step,what failed once more) && \
	$(ALONE) --last-failed --last-failed-no-failures none -m "not slow" $(ARGS); }; }
TIMED = $(shell grep -rl --include='test_*.py' 'mark\.alone' tests)
# What does not need one another, side by side, each with its output in one piece; one after another where make is older.
TOGETHER = @+$(MAKE) --no-print-directory $(if $(filter output-sync,$(.FEATURES)),-j --output-sync=target) SIDE_BY_SIDE=yes
RULES := $(wildcard alert_rules/*.yml)
TRIXIE := $(VENV)/trixie/.complete
SCRIPTS := $(wildcard scripts/*.sh) .ci/run
JAVASCRIPT := $(patsubst %/package-lock.json,%,$(wildcard tests/javascript/package-lock.json tests/javascript/*/package-lock.json))
PICTURE := dashboards/picture/node_modules/.package-lock.json
SOURCES := exporter tests $(wildcard benchmarks demo dashboards)

export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Empty is unset: else every worker and every process that a test starts compiles each module anew.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help run demo setup test checked test-quick test-slow quick fmt lint types shell dockerfile rules docs docs-check dashboards dashboards-picture bench lock \
        javascript packages packages-demo packages-bench packages-image image image-test clean
# Targets run one after another, so that their progress can be read; pytest uses every core by itself.
ifndef SIDE_BY_SIDE
.NOTPARALLEL:
endif

help:  ## List the targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/.run  ## Set up what is missing and start the daemon; ARGS='--config.file=exporter.yaml' and the like.
	@exec $(BIN)/stack-exporter $(ARGS)

demo: packages-demo $(VENV)/.dev  ## A small shop that is watched; break=NAME breaks one thing of it and shows who is told, when.
	@exec $(BIN)/python -m demo $(if $(break),--break=$(break)) $(ARGS)

setup: $(VENV)/.dev  ## Set up the environment that the tests need, in .venv.

test: checked  ## Set up and run everything except test-slow: lint, types, rules, documents, tests.
	@$(call step,tests)
	$(PYTEST) -m "not slow and not alone" $(ARGS) || $(AGAIN)
	@$(call step,tests of how long something takes)
	$(ALONE) -m "alone and not slow" $(ARGS) $(TIMED) || $(AGAIN)

# Its virtual environment first, as that may need a package of Debian's, which one at a time can install.
checked: $(VENV)/bin/pip
	$(TOGETHER) packages $(TRIXIE) $(VENV)/.dev
	$(TOGETHER) javascript quick

test-quick: quick  ## The same without what needs Debian's packages.
	@$(call step,tests without Debian's packages)
	$(PYTEST) -m "not slow and not debian and not alone" $(ARGS)
	$(ALONE) -m "alone and not slow and not debian" $(ARGS) $(TIMED) || [ $$? = 5 ]
	@echo "Left out: tests marked debian (a real Prometheus, promtool, Chromium) and tests marked slow (make test-slow)."

test-slow: packages packages-image javascript $(PICTURE)  ## Load, soak and time bounds, one at a time.
	@$(call step,slow tests)
	$(BIN)/python -m pytest -m slow $(ARGS)

quick: lint types shell dockerfile docs-check  ## Lint, types and generated pages alone, without tests.

fmt: $(VENV)/.dev  ## Format the code and mend what ruff can.
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

lint: $(VENV)/.dev  ## Ruff's rules and format.
	@$(call step,lint)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)

types: $(VENV)/.dev  ## mypy --strict.
	@$(call step,types)
	$(BIN)/mypy

shell: $(VENV)/.dev
	@$(call step,shell scripts)
	$(BIN)/shellcheck $(SCRIPTS)

dockerfile: $(VENV)/.dev
	@$(call step,Dockerfile)
	$(BIN)/hadolint Dockerfile

rules: packages $(TRIXIE) $(VENV)/.dev  ## Alert rules and their tests, by promtool of both generations.
	@$(call step,rules)
	promtool check rules $(RULES)
	$(VENV)/trixie/usr/bin/promtool check rules $(RULES) >/dev/null
	$(PYTEST) -q tests/rules $(ARGS)

docs: $(VENV)/.dev  ## Rewrite the generated pages: command, configuration and metrics in docs/.
	$(BIN)/python -m exporter.docs

dashboards: $(VENV)/.dev  ## Rewrite dashboards/*.json from dashboards/source/.
	$(BIN)/python -m dashboards.source

dashboards-picture: packages $(VENV)/.dev $(PICTURE)  ## Draw them by Grafana's own components, healthy and broken: docs/dashboards/ (a quarter of an hour).
	$(BIN)/python -m dashboards.picture $(ARGS)

docs-check: $(VENV)/.dev
	@$(call step,generated pages)
	$(BIN)/python -m exporter.docs --check

bench: packages-bench $(VENV)/.dev  ## Ours and its peers in the same run; ARGS=--quick within two minutes.
	$(BIN)/python -m benchmarks $(ARGS)

lock: $(VENV)/.dev  ## Resolve the newest versions and rewrite both lock files.
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv lock --system-certs --upgrade
	$(BIN)/uv export --frozen --no-emit-project --no-header --no-annotate --no-dev --extra all --group build --quiet -o requirements.lock
	$(BIN)/uv export --frozen --no-emit-project --no-header --no-annotate --all-extras --all-groups --quiet -o requirements-dev.lock

packages:
	@scripts/packages.sh prometheus=prometheus promtool=prometheus chromium=chromium \
		prometheus-alertmanager=prometheus-alertmanager prometheus-blackbox-exporter=prometheus-blackbox-exporter \
		mariadbd=mariadb-server rabbitmq-server=rabbitmq-server memcached=memcached systemd-analyze=systemd

# The SDKs of JavaScript that tests let send; Node itself is one of the development dependencies.
javascript: $(JAVASCRIPT:%=%/node_modules/.package-lock.json)

%/node_modules/.package-lock.json: %/package-lock.json | $(VENV)/.dev
	@$(call step,installing the SDKs of $* (about a quarter of a minute))
	@# Node brings certificates of its own; like everything else here it is to trust the system's.
	@cd $* && PATH="$(abspath $(BIN)):$$PATH" NODE_OPTIONS=--use-system-ca npm ci --loglevel=error && touch node_modules/.package-lock.json

# Of the newer generation, which rules and routes are tested on too.
$(TRIXIE): scripts/trixie.sh | packages
	@scripts/trixie.sh $(VENV)/trixie

packages-demo:
	@scripts/packages.sh prometheus=prometheus prometheus-alertmanager=prometheus-alertmanager

packages-bench:
	@scripts/packages.sh prometheus=prometheus prometheus-blackbox-exporter=prometheus-blackbox-exporter \
		prometheus-redis-exporter=prometheus-redis-exporter prometheus-postgres-exporter=prometheus-postgres-exporter \
		prometheus-node-exporter=prometheus-node-exporter prometheus-pushgateway=prometheus-pushgateway

packages-image:
	@scripts/packages.sh buildah=buildah mmdebstrap=mmdebstrap

image-test: packages-image $(VENV)/.dev  ## Build the image, and a machine with systemd, and run them; as root.
	@$(call step,the image and the unit)
	$(BIN)/python -m pytest -m slow -s tests/deploy $(ARGS)

image:  ## Build the container image with docker or podman, whichever is there.
	$(or $(firstword $(shell command -v docker podman)),$(error needs docker or podman)) build -t stack-exporter .

clean:  ## Remove what was set up and what tools cached.
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache
	find exporter tests -name __pycache__ -type d -prune -exec rm -rf {} +

# Stamps: set up again when a lock file or the project's own metadata changes.
$(VENV)/.run: requirements.lock pyproject.toml | $(VENV)/bin/pip
	@$(call step,installing what the daemon needs (about half a minute))
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements-dev.lock pyproject.toml | $(VENV)/bin/pip
	@$(call step,installing what the tests need (about a minute))
	@# Compiled when it is imported: most of it never is, and all of it takes a quarter of a minute.
	@$(BIN)/python -m pip install --quiet --no-compile --require-hashes -r requirements-dev.lock
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@ $(VENV)/.run

$(VENV)/bin/pip:
	@PYTHON="$(PYTHON)" scripts/venv.sh $(VENV)

step = printf '\n== %s\n' "$(1)"
