#!/bin/sh
# From recordings to a voice to ship. In a clone, with its environment active:
#
#     git clone https://github.com/rhasspy/dataset-voice-kathleen
#     pip install faster-whisper
#     recipes/kathleen/run.sh dataset-voice-kathleen/data "one H100" 20000
#
# The last two are the hardware, in words for the model card, and the steps to train. The same
# command again, after a kill, goes on where preparing or training was.
set -e
if [ $# -ne 3 ]; then
    echo "usage: $0 RECORDINGS HARDWARE STEPS" >&2
    exit 2
fi
recordings=$(cd "$1" && pwd)
hardware=$2
steps=$3
cd "$(dirname "$0")/../.."
recipe=recipes/kathleen
run=runs/kathleen
voice=voices/kathleen

# What would end it after the hours of training ends it here.
if [ -e $voice ]; then
    echo "error: $voice: is there already, and is not written over; move it away" >&2
    exit 2
fi
if ! python -c "import importlib.util, sys; sys.exit(not importlib.util.find_spec('faster_whisper'))"; then
    echo "error: faster-whisper is not installed; run: pip install faster-whisper" >&2
    exit 2
fi

# Who is held out is part of the recipe, so that figures compare: lists beside the recordings.
[ -f "$recordings/train.csv" ] || cp $recipe/lists/*.csv "$recordings"
python -m vits.prepare --input "$recordings" --output data/kathleen --language en-us --trim
python -m vits.doctor data/kathleen -c $recipe/config.json
python train.py -c $recipe/config.json -m kathleen --max_steps "$steps"
python $recipe/evaluate.py $run --data data/kathleen --whisper base.en --out_path $run/evaluation
python $recipe/curve.py --run $run --data data/kathleen --whisper base.en \
    --out_path $recipe/curve.svg
python $recipe/ship.py $run --scores $run/evaluation/scores.json --hardware "$hardware" \
    --out_path $voice
