# make demo | test | check | warmup. Everything happens in .venv; nothing is installed elsewhere.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check --no-input

# Tests on real data run where the data is.
ifneq ($(wildcard ../shared/data),)
SEQTOOL_DATA ?= $(abspath ../shared/data)
endif
ifdef SEQTOOL_DATA
export SEQTOOL_DATA
endif

.PHONY: demo test check warmup clean

# All nine capabilities, on what is shipped.
demo: $(VENV)/.demo
	$(BIN)/seqtool bleu examples/ref.txt --hyp examples/system-a.txt --hyp examples/system-b.txt
	head -2 examples/captions.en | $(BIN)/seqtool tokenize
	$(BIN)/seqtool train-embeddings docs/*.md --dim 50 --epochs 200 --min-count 3 --quiet -o $(VENV)/docs.vec
	$(BIN)/seqtool analogy neighbours --model $(VENV)/docs.vec --top 3 model
	$(BIN)/seqtool analogy man woman king --top 3
	echo 'Lacking in good taste, good service and good ambience' | $(BIN)/seqtool sentiment
	$(BIN)/seqtool generate --prompt 'ROMEO:' --length 200
	head -3 examples/captions.de | $(BIN)/seqtool translate
	$(BIN)/seqtool transcribe examples/digits.flac
	$(BIN)/seqtool detect-trigger examples/talk.flac

# JIT first, then every kernel again as plain Python, then with checked array indices.
test: $(VENV)/.develop
	$(BIN)/python -m pytest
	NUMBA_DISABLE_JIT=1 $(BIN)/python -m pytest -q -m kernel
	NUMBA_BOUNDSCHECK=1 $(BIN)/python -m pytest -q -m kernel

check: $(VENV)/.develop
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy seqtool plugins corpora

warmup: $(VENV)/.demo
	$(BIN)/seqtool warmup

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

# A plain install; it must not undo the editable one that `make test` made. build/ goes first: a
# stale one would bring deleted modules back.
$(VENV)/.demo: pyproject.toml $(shell find seqtool plugins corpora -name '*.py') | $(BIN)/python
	rm -rf build
	test -e $(VENV)/.develop || $(PIP) install .
	touch $@

$(VENV)/.develop: pyproject.toml | $(BIN)/python
	$(PIP) install --editable '.[test]'
	touch $@
