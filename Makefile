# Two commands set everything up on a machine with git, make and Python >= 3.11:
#   make local   the main job on the embedded engine
#   make test    every test, the engine suite included
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
UV_VERSION := 0.13.8
SAM_VERSION := 1.170.0
CHECKOV_VERSION := 3.3.30
SCHEMATHESIS_VERSION := 4.32.5
MATPLOTLIB_VERSION := 3.10.7
UV     := $(BIN)/uv
export UV_PYTHON_DOWNLOADS := never
export SAM_CLI_TELEMETRY := 0
# Where it is set, each of some hundred processes would compile all modules again: minutes.
unexport PYTHONDONTWRITEBYTECODE
# The Lambda runtime brings the SDK, kept current by AWS, so the package does not.
RUNTIME_HAS := $(foreach name,boto3 botocore s3transfer urllib3 python-dateutil,--no-emit-package $(name))
# The output of each target in one piece, where this make can.
IN_ONE_PIECE = $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)

.PHONY: local local-down test test-computing test-fast test-unit test-node test-simulation test-engine test-browser test-deployed-python test-recipes coverage mutants test-whole test-engine-whole test-api-fuzz test-night simulate simulate-night smoke check check-code check-types check-templates check-sam check-checkov bench build deploy lock golden openapi editor pictures prices clean

local: $(READY)
	@$(BIN)/provisioner local up

local-down: $(READY)
	@$(BIN)/provisioner local down

# Side by side: what computes takes what the engines, which wait for each other, leave of the processors.
test: $(READY)
	@$(MAKE) --no-print-directory -j2 $(IN_ONE_PIECE) test-engine test-computing NICE="nice -n 19"

PROCESSORS := $(shell getconf _NPROCESSORS_ONLN)
SIDE_BY_SIDE := $(BIN)/pytest -q --processes

# All that needs no engine in one run, so that no processor waits for the last of several. One process
# more than there are processors: one of them waits for a browser most of the time.
test-computing: $(READY)
	@if $(HAS_NPM); then $(NPM_CI) || exit 1; else echo $(WITHOUT_NPM); without=" and not node"; fi; \
	  $(HAS_CHROMIUM) || { echo $(WITHOUT_CHROMIUM); without="$$without and not browser"; }; \
	  $(NICE) $(SIDE_BY_SIDE) $$(( $(PROCESSORS) + 1 )) \
	    -m "not engine and not smoke and not recipes and not night$$without"

# One process a group, side by side: they wait most of the time.
test-engine: $(READY)
	$(SIDE_BY_SIDE) 8 -m "engine and not night" tests/local

test-engine-whole: $(READY)
	TESTS_WHOLE=1 $(SIDE_BY_SIDE) 11 -m engine tests/local

test-simulation: $(READY)
	$(SIDE_BY_SIDE) $(PROCESSORS) -m simulation tests/simulation

# Stories of the simulation again; the output of a failure says which: SEED="stacks/7 runs/7".
simulate: $(READY)
	SIMULATION_SEED="$(SEED)" $(BIN)/pytest -q -m simulation tests/simulation -k test_one_seed_again

# As many stories as the night has time for: 600,000 of stacks, two million of runs, a million of migrations.
# A seed that fails joins FOUND (docs/internals/testing.md).
NIGHT_SHARDS ?= 4000
simulate-night: $(READY)
	SIMULATION_NIGHT="$(NIGHT_SHARDS)/$$(date -u +%FT%T)" \
	  $(SIDE_BY_SIDE) $(PROCESSORS) -m simulation tests/simulation -k "test_stories.py and test_stories"

test-fast: $(READY)
	$(SIDE_BY_SIDE) $(PROCESSORS)

test-unit: $(READY)
	$(SIDE_BY_SIDE) $(PROCESSORS) tests/unit

# The Pythons of FunctionRuntime (template.yaml) that AWS deploys by now, where this machine has them.
DEPLOYED_PYTHONS := 3.13 3.14
DEPLOYED_TESTS ?= tests/unit tests/programs tests/contract
test-deployed-python: $(READY)
	@for version in $(DEPLOYED_PYTHONS); do \
	  python=$$($(UV) python find --system $$version 2>/dev/null \
	    || ls "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/$$version.*/bin/python 2>/dev/null | tail -1); \
	  if [ -z "$$python" ]; then \
	    echo "Python $$version is not on this machine: nothing was tested on it"; continue; \
	  fi; \
	  echo "On Python $$version:"; \
	  there=$(VENV)/python-$$version; \
	  $(UV) venv --quiet --allow-existing --python "$$python" $$there \
	    && $(UV) pip install --quiet --python $$there --require-hashes -r requirements.lock \
	    && $(UV) pip install --quiet --python $$there --no-deps -e . \
	    && $$there/bin/pytest -q --processes $(PROCESSORS) $(DEPLOYED_TESTS) || exit 1; \
	done

# What the buildspec does for each runtime, by the runtimes' own tools where this machine has them.
test-recipes: $(READY)
	@for tool in pip npm bundle mvn gradle go dotnet; do \
	  command -v $$tool >/dev/null || echo "$$tool is not on this machine: its recipe was not tested"; \
	done
	@[ -e /etc/maven/settings-debian.xml ] || echo "maven-debian-helper is not on this machine: Maven's recipe was not tested"
	$(BIN)/pytest -q -m recipes tests/programs/test_recipes.py

# Lines and branches of provisioner and templates that no fast test reaches, nor the commands that
# bring up an engine for the README. docs/internals/testing.md says what is not counted.
# What a part of the tests has covered is kept until a source changes: a run that was ended goes on with the next part.
COVERAGE := $(CURDIR)/.provisioner/coverage
COVERED_BY := functional unit others readme
TESTS_functional := --processes $(PROCESSORS) tests/functional
# In a process that is measured `signal` is there before the test can interrupt its import.
TESTS_unit := --processes $(PROCESSORS) tests/unit --deselect "tests/unit/cli/test_main.py::test_ctrl_c_leaves_no_traceback[in the first moment]"
TESTS_others := --processes $(PROCESSORS) tests --ignore tests/functional --ignore tests/unit
TESTS_readme := -m engine tests/local/test_readme.py
coverage: $(READY) $(COVERED_BY:%=$(COVERAGE)/%)
	@$(BIN)/coverage combine --quiet --keep $(COVERED_BY:%=$(COVERAGE)/%)
	@$(BIN)/coverage report

$(COVERAGE)/%: $(shell find provisioner templates tests -name "*.py")
	@rm -rf $@ $@.running; mkdir -p $@.running
	@$(BIN)/coverage run --data-file=$@.running/.coverage -m pytest -q $(TESTS_$*)
	@mv $@.running $@

# Mistakes made in the modules where one costs most: docs/internals/mutation-testing.md.
# Other mutants each day, as many as there is time for. MODULES: all those of these modules.
MINUTES ?= 60
mutants: $(READY)
	$(BIN)/python -m tools.mutants $(or $(MODULES),--minutes $(MINUTES))

# All that a commit draws a part of (docs/internals/testing.md).
test-whole: $(READY)
	@TESTS_WHOLE=1 $(MAKE) --no-print-directory test-computing

# Requests that schemathesis makes up from the API's description, one after another that follow from each
# other as well, to the engine that `make local` has brought up. SEED=7 plays those of a run again.
test-api-fuzz: $(READY)
	$(BIN)/python -m tests.fuzz $(BIN)/uvx --quiet --from schemathesis==$(SCHEMATHESIS_VERSION) st \
	  --config-file tests/fuzz/schemathesis.toml run $(if $(SEED),--seed $(SEED)) $(OPTIONS)

# What is too much for every commit.
test-night: check-checkov check-sam simulate-night test-deployed-python test-recipes mutants coverage test-whole test-engine-whole
	$(BIN)/python -m bench.parse
	$(BIN)/provisioner local up --no-examples && $(MAKE) --no-print-directory test-api-fuzz OPTIONS="-n 50"
	$(MAKE) --no-print-directory smoke ENGINE=1 OPTIONS=--again

# What only AWS proves: deployed under a prefix of its own where the credentials lead to (ENGINE=1: on
# an embedded engine), proven, and torn down. OPTIONS=--help says what else it can do.
smoke: $(READY)
	$(BIN)/python -m tools.smoke --prefix "$(or $(PREFIX),smoke)" $(if $(ENGINE),--engine) $(OPTIONS)

# The rules that were reproduced on AWS, and JSONata's reference implementation: both from npm.
HAS_NPM := command -v npm >/dev/null
NPM_CI := npm --prefix tests/node ci --silent
WITHOUT_NPM := "npm is not on this machine: the templates are not held to cdk-preflight's rules," \
	"nor the expressions to JSONata's reference implementation"
# The console's pages in Debian's Chromium, which no package of Python's brings.
HAS_CHROMIUM := { command -v chromium-headless-shell || command -v chromium || command -v chromium-browser; } >/dev/null
WITHOUT_CHROMIUM := "Chromium is not on this machine: the console's pages are not tested in a browser"
test-browser: $(READY)
	@if $(HAS_CHROMIUM); then $(BIN)/pytest -q -m browser tests/browser; else echo $(WITHOUT_CHROMIUM); fi

test-node: $(READY)
	@if $(HAS_NPM); then $(NPM_CI) && $(BIN)/pytest -q -m node tests/node; else echo $(WITHOUT_NPM); fi

check: $(READY)
	@$(MAKE) --no-print-directory -j4 $(IN_ONE_PIECE) check-templates check-types check-code

check-code: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports

check-types: $(READY)
	$(BIN)/mypy

check-templates: $(READY)
	$(BIN)/cfn-lint template.yaml bootstrap/*.yaml

# Every template with Serverless resources: `sam validate` does not look into nested ones. By night: cfn-lint
# transforms them as well, and the engine tests deploy them with the SAM CLI.
check-sam: $(READY)
	$(BIN)/uvx --quiet --from aws-sam-cli@$(SAM_VERSION) python tools/sam_validate.py \
	  $$(grep -l '^Transform: AWS::Serverless' template.yaml bootstrap/*.yaml)

# By night: it computes for longer than any other check, and the templates change seldom.
check-checkov: $(READY)
	$(BIN)/uvx --quiet checkov@$(CHECKOV_VERSION) --quiet --compact --skip-download --framework cloudformation \
	  --file template.yaml bootstrap/*.yaml

# AWS's public price list, over the network; then read the diff. REGIONS=us-east-1,eu-west-1 are some.
prices: $(READY)
	$(BIN)/python -m tools.prices $(REGIONS)

golden: $(READY)
	$(BIN)/python -m tests.golden.update

# The API's description alone, as `make golden` writes it.
openapi: $(READY)
	$(BIN)/python -c "from tests.golden import update; update.update_description()"

# CodeMirror in one file, from npm, after a change of tools/editor: then read the manifest's diff.
editor:
	npm --prefix tools/editor ci --silent && npm --prefix tools/editor run --silent build

# The console's pages in the docs, by Chromium: then look at them.
pictures: $(READY)
	$(BIN)/python -m tests.browser.pictures

bench: $(READY)
	$(BIN)/python -m bench
	$(UV) run --quiet --no-project --with matplotlib==$(MATPLOTLIB_VERSION) python -m bench.plot
	$(BIN)/python -m bench.engine
	$(BIN)/python -m bench.runs
	$(BIN)/python -m bench.lists
	$(BIN)/python -m bench.load
	$(BIN)/python -m bench.log
	$(BIN)/python -m bench.parse

# For AWS. FunctionRuntime and FunctionArchitecture say for what; see samconfig.toml.
build: export UV_PYTHON_DOWNLOADS := automatic
build: $(READY)
	$(BIN)/uvx --quiet --from aws-sam-cli@$(SAM_VERSION) sam build

deploy: build
	$(BIN)/uvx --quiet --from aws-sam-cli@$(SAM_VERSION) sam deploy $(SAM_DEPLOY_OPTIONS)

clean: local-down
	rm -rf .aws-sam .provisioner $(VENV)

lock: $(READY)
	$(UV) pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-header \
	  --no-emit-index-url --no-emit-find-links --all-extras --group dev pyproject.toml -o requirements.lock
	$(UV) pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-header \
	  --no-emit-index-url --no-emit-find-links $(RUNTIME_HAS) pyproject.toml \
	  -c requirements.lock -o requirements-lambda.lock
	@for tools in provisioner/local/locks/*.in; do \
	  $(UV) pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-header \
	    --no-emit-index-url --no-emit-find-links $$tools -o $${tools%.in}.txt; done

$(READY): requirements.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@test -x $(UV) || $(BIN)/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps -e .
	@touch $@
