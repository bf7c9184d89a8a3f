# make test, make demo: each sets up all it needs in .venv, from a bare python3, once.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
PACKAGE := pyproject.toml setup.py constraints.txt vits/alignment/search.cpp

.PHONY: test demo

test: $(VENV)/test.stamp
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n auto --dist loadfile

SENTENCE := Hello. I am a voice that was trained by the software that you have just cloned.

# Steps as small as two CPU cores like them; in float32, because bfloat16 takes a CPU long over each
# new length. The weights of the last step speak, no average of steps: over so few of them, that
# would be the old voice still.
demo: $(VENV)/demo.stamp
	$(BIN)/python infer.py --voice kathleen --text "$(SENTENCE)" --out_path runs/demo/before.wav
	$(BIN)/python finetune.py --restore_from voices/kathleen --data data/ljspeech-mini -m demo \
		--max_minutes 5 --set train.batch_size=4 --set train.mixed_precision=false \
		--set train.warmup_steps=0 --set train.ema_decay=null \
		--set train.log_every=10 --set train.validate_every=50
	$(BIN)/python infer.py --model_path runs/demo --text "$(SENTENCE)" --out_path runs/demo/after.wav
	@echo "Listen: runs/demo/before.wav, and after five minutes of another voice: runs/demo/after.wav"
	@echo "Look and listen: runs/demo/listen.html"

# torch first and alone, in the version that constraints.txt pins: anything else that asks for
# torch then finds it there, and does not fetch another one.
$(VENV)/torch.stamp: constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) install -c constraints.txt "$$(grep '^torch==' constraints.txt)"
	touch $@

$(VENV)/demo.stamp: $(VENV)/torch.stamp $(PACKAGE)
	$(PIP) install -c constraints.txt -e '.[phonemes]'
	touch $@

$(VENV)/test.stamp: $(VENV)/torch.stamp $(PACKAGE)
	$(PIP) install -c constraints.txt -e '.[test]'
	touch $@
