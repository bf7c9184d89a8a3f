# make test, make demo: each sets up all it needs in .venv, from a bare python3, once.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
PACKAGE := pyproject.toml setup.py constraints.txt vits/alignment/search.cpp

.PHONY: test demo

test: $(VENV)/test.stamp
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n auto --dist loadfile

demo: $(VENV)/demo.stamp
	$(BIN)/python train.py -c configs/tiny.json -m demo --max_minutes 6
	$(BIN)/python infer.py --text "This voice has been trained for six minutes." \
		--model_path runs/demo --out_path runs/demo/speech.wav
	@echo "Look and listen: runs/demo/listen.html; the spoken sentence: runs/demo/speech.wav"

# torch first and alone, in the version that constraints.txt pins: anything else that asks for
# torch then finds it there, and does not fetch another one.
$(VENV)/torch.stamp: constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) install -c constraints.txt "$$(grep '^torch==' constraints.txt)"
	touch $@

$(VENV)/demo.stamp: $(VENV)/torch.stamp $(PACKAGE)
	$(PIP) install -c constraints.txt -e .
	touch $@

$(VENV)/test.stamp: $(VENV)/torch.stamp $(PACKAGE)
	$(PIP) install -c constraints.txt -e '.[test]'
	touch $@
