.PHONY: venv demo test check docs sim kills hostile bench lock model words stops month
BIN := .venv/bin
INSTALLED := .venv/installed
SEEDS ?= 300
FIRST ?= 1
N ?= 100
MAILS ?= 5000
# The tests start the program hundreds of times, and what is not kept is compiled at each start.
unexport PYTHONDONTWRITEBYTECODE

venv: $(INSTALLED)

$(INSTALLED): pyproject.toml requirements.lock
	test -x $(BIN)/python || python3 -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --no-compile --constraint requirements.lock --editable '.[test]'
	touch $@

demo: $(INSTALLED)  ## the whole engine on a simulated world, in under a minute
	$(BIN)/sequencer demo

test: $(INSTALLED)  ## all tests; what needs servers skips without them and says so
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal

check: $(INSTALLED)  ## types, style, the house's own rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/house

docs: $(INSTALLED)  ## docs/cli.md from --help
	$(BIN)/python -m tests.reference

model: $(INSTALLED)  ## what reads answers, from benchmarks/answers/
	$(BIN)/python -m benchmarks.train_answers

words: $(INSTALLED)  ## what phrases need and how they begin, from sequencer/mail/words/
	$(BIN)/python -m benchmarks.index_phrases

sim: $(INSTALLED)  ## many seeded weeks with faults; SEED=n plays one and prints its trace; MUTANTS=1 plays mutants
	$(BIN)/python -m tests.simulation.run $(if $(MUTANTS),--mutants,$(if $(SEED),--seed $(SEED),--seeds $(SEEDS) --first $(FIRST)))

kills: $(INSTALLED)  ## kill -9 in mid-send, N times on each database
	KILLS=$(N) $(BIN)/python -m pytest -q -rP tests/integration/test_kill.py

hostile: $(INSTALLED)  ## N broken mails, and the labelled ones, from the inbox to their effect
	HOSTILE=$(if $(filter command line,$(origin N)),$(N),20000) $(BIN)/python -m pytest -q tests/integration/test_hostile_mail.py

stops: $(INSTALLED)  ## N stops on each database, each racing the mail that it forbids
	STOPS=$(if $(filter command line,$(origin N)),$(N),3000) $(BIN)/python -m pytest -q -rP tests/integration/test_stops_win.py

month: $(INSTALLED)  ## N people for a month; why is asked about each of them, and each time it foretells is kept
	PEOPLE=$(if $(filter command line,$(origin N)),$(N),500) $(BIN)/python -m pytest -q -rP tests/integration/test_why_month.py

bench: $(INSTALLED)  ## how fast the whole send is, against Postfix's smtp-sink
	$(BIN)/python -m benchmarks.measure --n $(MAILS)

lock:  ## newest versions that fit pyproject.toml
	rm -rf .venv-lock && python3 -m venv .venv-lock
	.venv-lock/bin/pip install --quiet --editable '.[test]'
	.venv-lock/bin/pip freeze --exclude-editable > requirements.lock
	rm -rf .venv-lock
	! grep -vE '^[A-Za-z0-9._-]+==[A-Za-z0-9.+!_-]+$$' requirements.lock
