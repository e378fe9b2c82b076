.PHONY: venv demo test check sim kills bench lock
BIN := .venv/bin
INSTALLED := .venv/installed
SEEDS ?= 300
N ?= 5000

venv: $(INSTALLED)

$(INSTALLED): pyproject.toml requirements.lock
	test -x $(BIN)/python || python3 -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint requirements.lock --editable '.[test]'
	touch $@

demo: $(INSTALLED)  ## the whole engine on a simulated world, in under a minute
	$(BIN)/sequencer demo

test: $(INSTALLED)  ## all tests; what needs servers skips without them and says so
	$(BIN)/python -m pytest

check: $(INSTALLED)  ## types, style, the house's own rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/house

bench: $(INSTALLED)  ## how fast the whole send is, against Postfix's smtp-sink
	$(BIN)/python -m benchmarks.measure --n $(N)

lock:  ## newest versions that fit pyproject.toml
	rm -rf .venv-lock && python3 -m venv .venv-lock
	.venv-lock/bin/pip install --quiet --editable '.[test]'
	.venv-lock/bin/pip freeze --exclude-editable > requirements.lock
	rm -rf .venv-lock
	! grep -vE '^[A-Za-z0-9._-]+==[A-Za-z0-9.+!_-]+$$' requirements.lock
