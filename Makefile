# Everything for one computer: `make run` opens the shop, `make test` tries it. `make help` lists the rest.

PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed

# Tried in this order; a name can exist and still not start.
PYTHONS := $(PYTHON) python3.13 python3.12 python3.11 python3.14

# A .venv whose Python has gone (moved, upgraded) is no installation.
ifeq ($(shell [ -x $(BIN)/python ] && echo yes),)
$(shell rm -f $(STAMP) 2>/dev/null)
endif

.PHONY: help run test check audit faults fuzz bench bench-reports bench-growth bench-soak bench-startup bench-bloat bench-workers clean
.DEFAULT_GOAL := help

help:
	@echo "make run     open the shop on this computer: PORT=8001 HOST=... POS_DATA_DIR=... make run"
	@echo "make test    run the tests: make test ARGS='-k sales'"
	@echo "make check   style, types, layers, migrations and the settings for production"
	@echo "make audit   look for dangerous code, secrets, and packages with known weaknesses (needs the internet)"
	@echo "make faults  the long form of races and faults: kills, restarts, lost callbacks (an hour)"
	@echo "make fuzz    the long form of bad input: over 100,000 requests (half an hour)"
	@echo "make bench   measure: make bench ARGS='--help'"
	@echo "make bench-reports  measure reports on up to a million sales (half an hour)"
	@echo "make bench-growth   a small shop against one of a million products and ten million sale lines (three quarters of an hour)"
	@echo "make bench-soak     half an hour of mixed traffic with the checker beside it; make bench-startup"
	@echo "make bench-bloat    what a million checkouts leave behind (an hour); make bench-workers"
	@echo "make clean   remove what can be made again; the shop's data (.pos) and .venv stay"

run: $(STAMP)
	@exec $(BIN)/python -m pos_backend.local.run

test: $(STAMP)
	@exec $(BIN)/python -m pytest $(ARGS)

# The long forms, whose figures are in docs/reliability.md; the short ones are part of `make test`.
faults: $(STAMP)
	@POS_LONG=1 exec $(BIN)/python -m pytest -m long_form $(or $(ARGS),tests/faults tests/concurrency tests/model)

fuzz: $(STAMP)
	@POS_LONG=1 exec $(BIN)/python -m pytest -m long_form $(or $(ARGS),tests/fuzz tests/contract tests/security apps payments)

audit: .venv-audit/.installed
	@.ci/audit $(ARGS)

.venv-audit/.installed: requirements-audit.txt | $(STAMP)
	$(BIN)/python -m venv .venv-audit
	.venv-audit/bin/python -m pip install --quiet --no-deps -r requirements-audit.txt
	touch $@

bench: $(STAMP)
	@exec $(BIN)/python -m benchmarks.run $(ARGS)

bench-reports bench-growth bench-soak bench-startup bench-bloat bench-workers: bench-%: $(STAMP)
	@exec $(BIN)/python -m benchmarks.$* $(ARGS)

check: $(STAMP)
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy
	$(BIN)/python -c "from importlinter.cli import lint_imports_command as check; check()"
	@# Without a running database Django only warns that it could not compare with the applied migrations.
	$(BIN)/python -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run
	@POS_ENV=production DEBUG=false ALLOWED_HOSTS=shop.example PUBLIC_BASE_URL=https://shop.example \
	  DATABASE_URL=postgresql://pos@localhost/pos \
	  SECRET_KEY="$$($(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(50))')" \
	  $(BIN)/python manage.py check --deploy --fail-level WARNING

clean:
	rm -rf .venv-audit .pos-test .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis staticfiles
	find . -path ./.venv -prune -o -name __pycache__ -type d -exec rm -rf {} +

$(STAMP): requirements.txt requirements-dev.txt
	@for candidate in $(PYTHONS); do \
	  if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
	    exec "$$candidate" pos_backend/local/install.py; \
	  fi; \
	done; \
	echo "Python 3.11 or newer is needed and was not found. Install it," \
	  "or say where it is: PYTHON=/path/to/python3.11 make run" >&2; \
	exit 1
