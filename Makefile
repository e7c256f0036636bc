# Every target creates what it needs. The machine needs only Python 3.11 or newer, make and git.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed
WORKERS ?= 1
# Tests mostly wait for servers and processes, so more of them run at once than there are processors.
JOBS ?= $(shell $(PYTHON) -c 'import os; print(min(os.cpu_count() + 1, 6))')

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run demo test unit long matrix mail-kills mutants coverage attack prove-log chaos-bus bench cost load check check-types \
    check-rest check-deploy \
    check-metrics recover set-right erasures erase-again republish verify rebuild replay catalogue clean-data position psql order \
    query explain sbom token lock

help: ## Show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(INSTALLED) ## Run the whole service until Ctrl-C (WORKERS=n)
	@exec $(BIN)/python -m stack run --workers $(WORKERS) --end-with-parent

demo: $(INSTALLED) ## Run real orders through every outcome and check stock and money (WORKERS=n)
	@exec $(BIN)/python -m stack demo --workers $(WORKERS) --end-with-parent

# Without files of bytecode, each of the hundreds of processes compiles our modules again.
test unit long matrix check check-types check-rest: export PYTHONDONTWRITEBYTECODE :=

test: $(INSTALLED) ## Run the tests on real PostgreSQL, Temporal and NATS (ARGS="-k name" JOBS=n)
	@exec $(BIN)/python -m pytest -n $(JOBS) $(ARGS)

unit: $(INSTALLED) ## Run the tests that need no server (ARGS="-k name" JOBS=n)
	@exec $(BIN)/python -m pytest -n $(JOBS) tests/unit $(ARGS)

matrix: $(INSTALLED) ## Run every saga step with every fault, a rebuild with kills and a rolling restart (ARGS="-k name")
	@exec $(BIN)/python -m pytest tests/matrix tests/integration/projections/test_rebuild_kills.py \
		tests/e2e/test_rolling_restart.py -m matrix $(ARGS)

long: $(INSTALLED) ## Run the tests that run whole systems for a minute or more (ARGS="-k name" JOBS=n)
	@exec $(BIN)/python -m pytest -n $(JOBS) -m long tests/e2e tests/integration $(ARGS)

mail-kills: $(INSTALLED) ## Kill the sender of mails fifty times, and count the mails at a mail server
	@exec $(BIN)/python -m pytest tests/integration/notifications/test_mail_kills.py -m matrix $(ARGS)

mutants: $(INSTALLED) ## Run each kept mutant against the test that must fail on it (ARGS="-k name")
	@exec $(BIN)/python -m tests.mutants $(ARGS)

coverage: $(INSTALLED) ## Measure the branch coverage of the tests, in all processes (ARGS="path")
	@$(BIN)/coverage erase
	@$(BIN)/coverage run -m pytest $(ARGS)
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report --sort=cover | awk '{print} /%$$/ && $$NF + 0 < 80 {low = 1} END {exit low}'
	@$(BIN)/coverage report --format=total --fail-under=92

attack: $(INSTALLED) ## Fuzz and flood a running API beside an honest client (SECONDS=300)
	@exec $(BIN)/python -m tests.attack $(if $(SECONDS),--seconds $(SECONDS))

bench: $(INSTALLED) ## Run the benchmarks beside their peers (ONLY=prefix, QUICK=1)
	@exec $(BIN)/python -m benchmarks $(if $(ONLY),--only $(ONLY)) $(if $(QUICK),--quick)

cost: $(INSTALLED) ## Count what an order costs for each outcome (RECORD=1 writes docs/SCALING.md)
	@exec $(BIN)/python -m benchmarks.cost $(if $(RECORD),--record)

load: $(INSTALLED) ## Load a shop until its latency breaks (SECONDS=120 RATE=3 URL= RECORD=1)
	@exec $(BIN)/python -m tests.load --end-with-parent $(if $(SECONDS),--seconds $(SECONDS)) \
	    $(if $(RATE),--rate $(RATE)) $(if $(URL),--url '$(URL)') $(if $(RECORD),--record)

prove-log: $(INSTALLED) ## Prove that the log skips nothing, under writers, readers and faults (SECONDS=60)
	@exec $(BIN)/python -m tests.integration.eventstore.prove_log $(if $(SECONDS),--seconds $(SECONDS))

chaos-bus: $(INSTALLED) ## Break the relay, the bus and consumers at random (BUS=nats|kafka|kafka-groups SECONDS=300)
	@exec $(BIN)/python -m tests.integration.eventbus.chaos $(if $(BUS),--bus $(BUS)) $(if $(SECONDS),--seconds $(SECONDS))

# The types take one processor about as long as all the rest takes another.
check: $(INSTALLED) ## Check lint, format, types, imports, locks, prose, schema, events, sagas and deployment files
	@$(MAKE) --no-print-directory --jobs=2 check-types check-rest

check-types: $(INSTALLED)
	@echo "== types" && $(BIN)/mypy

check-rest: $(INSTALLED)
	@echo "== lint" && $(BIN)/ruff check
	@echo "== format" && $(BIN)/ruff format --check
	@echo "== imports" && $(BIN)/lint-imports --no-logo
	@echo "== locks" && locks/check
	@echo "== prose" && $(BIN)/python -m tools.prose --check
	@echo "== schema" && $(BIN)/python -m api.print_schema --check
	@echo "== api reference" && $(BIN)/python -m tools.api_reference --check
	@echo "== command line reference" && $(BIN)/python -m tools.cli_reference --check
	@echo "== events" && $(BIN)/python -m tools.event_catalogue --check
	@echo "== metrics" && $(BIN)/python -m tools.metrics_catalogue --check
	@echo "== asyncapi" && $(BIN)/python -m tools.asyncapi --check
	@echo "== sagas" && $(BIN)/python -m tools.saga_catalogue --check
	@echo "== dashboards" && $(BIN)/python -m tools.dashboards --check
	@echo "== scaling" && $(BIN)/python -m tools.scaling --check
	@$(MAKE) --no-print-directory check-deploy
	@echo "== known vulnerabilities" && $(BIN)/python -m tools.audit

check-deploy: $(INSTALLED)
	@echo "== deployment files" && deploy/check

check-metrics: $(INSTALLED) ## Hold every rule and panel against a real Prometheus (needs Debian's package prometheus)
	@exec $(BIN)/python -m tools.check_metrics

recover: $(INSTALLED) ## Recover sagas that Temporal has lost and compare the log with the providers (ORDER=id)
	@$(BIN)/python -m orchestrator.recover $(if $(ORDER),--order $(ORDER))

set-right: $(INSTALLED) ## After a restore, repair the checkpoints above the end of the log (NAME= TO=)
	@$(BIN)/python -m eventstore.checkpoints set-right $(if $(NAME),--name $(NAME)) $(if $(TO),--to $(TO))

erasures: $(INSTALLED) ## Add the erasures of customers to a list outside of the database (FILE=path)
	@$(BIN)/python -m orchestrator.erasures record "$$FILE"

erase-again: $(INSTALLED) ## After a restore, repeat the erasures of that list (FILE=path)
	@$(BIN)/python -m orchestrator.erasures repeat "$$FILE"

republish: $(INSTALLED) ## Publish events again that the bus has lost (FROM=position; 0 for all)
	@$(BIN)/python -m eventbus.republish --from='$(FROM)'

verify: $(INSTALLED) ## Compare the read models with a replay of the log (NAME=projection)
	@$(BIN)/python -m projections.verify $(if $(NAME),--name $(NAME))

rebuild: $(INSTALLED) ## Rebuild a read model while the service runs (NAME=orders RATE= ACCEPT=1 ROLLBACK=1 DROP=1)
	@$(BIN)/python -m projections.rebuild --name="$$NAME" $(if $(RATE),--events-per-second $(RATE)) \
	    $(if $(ACCEPT),--accept) $(if $(ROLLBACK),--rollback) $(if $(DROP),--drop)

replay: $(INSTALLED) ## Write the events of one order, without personal data, as lines of JSON (ORDER=id)
	@$(BIN)/python -m queries.story --order="$$ORDER"

position: $(INSTALLED) ## Show a position of the log as a number and as clients see it (OF=either form)
	@$(BIN)/python -m eventstore.positions '$(OF)'

clean-data: $(INSTALLED) ## Clear the data of the embedded stack, after asking (YES=1 does not ask)
	@$(BIN)/python -m stack clean-data $(if $(YES),--yes)

sbom: $(INSTALLED) ## Write the CycloneDX bill of materials of the image to build/
	@deploy/sbom

token: $(INSTALLED) ## Print a token for the embedded service (ROLE=customer|operator|admin [SUB=id])
	@$(BIN)/python -m stack token --role "$${ROLE:-customer}" --sub="$$SUB"

psql: $(INSTALLED) ## Open a shell on the embedded database, to read (ARGS='-c "SELECT 1"' DB_ROLE=)
	@exec $(BIN)/python -m stack.psql $(ARGS)

order: $(INSTALLED) ## Show one order as JSON (ID=id or number)
	@$(BIN)/python -m demo.query Order --id="$$ID"

explain: $(INSTALLED) ## Tell what happened to one order, what it waits for and where its money is (ORDER=id or number)
	@exec $(BIN)/waybill orders explain "$${ORDER:---help}"

query: $(INSTALLED) ## Run a document of graphql/operations (OP=Saga ID= ARGS='{"first": 5}' ROLE= SUB=)
	@$(BIN)/python -m demo.query "$$OP" --id="$$ID" --variables="$$ARGS" \
	    --role="$${ROLE:-operator}" --sub="$$SUB"

catalogue: $(INSTALLED) ## Load products from a CSV or JSON file (FILE=demo/products.csv)
	@$(BIN)/python -m demo.load_catalogue "$${FILE:---help}"

lock: $(INSTALLED) ## Compile the lock files from pyproject.toml
	@locks/compile locks

$(INSTALLED): locks/development.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "Waybill needs Python 3.11 or newer: run make PYTHON=python3.12, say" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || { \
	    echo "$(PYTHON) lacks its venv module: install it (Debian: python3-venv)" >&2; exit 1; }
	@$(PYTHON) tools/install.py $(VENV)
