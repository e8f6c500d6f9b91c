"""Make the built-in model of `seqtool transcribe`: models/digits.safetensors in its package.

    SEQTOOL_DATA=... python tools/make_digits_model.py

Trains on speech/digits of SEQTOOL_DATA: strings made by joining the 2,580 clips that are neither in
the official test set (indices 0 to 4) nor for validation (5 and 6). The test set is looked at once,
for the card. The same recordings and the same seqtool give the same file on one kind of processor.
A training that was stopped goes on when this is run again.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from sound_sets import digits, write_manifest, write_strings

from seqtool.modelfile import read_model, write_model

TARGET = Path(__file__).parents[1] / "plugins/seqtool_transcribe/models/digits.safetensors"
MOST_BYTES = 4_000_000
OPTIONS = ["--level", "word", "--rate", "8000", "--join", "1..7", "--empty", "0.08"]
OPTIONS += ["--snr", "5..40", "--speed", "0.85..1.15", "--echo", "--spec-augment"]
OPTIONS += ["--epochs", "150", "--batch-size", "8", "--precision", "float16", "--seed", "1"]
CARD = """\
English digits, from "zero" to "nine", one after the other
Trained on 2,580 recordings of single digits by six speakers (Free Spoken Digit Dataset), joined to
strings with pauses and noise: two convolutions, two bidirectional GRUs of 128, CTC. It knows
these ten words only, and speakers like these six best.
Official test set: {singles:.1f} % of 300 single digits are right; strings of 3 to 7 of them with
noise 20 dB below: {strings:.1f} % of the words are wrong."""
LICENCE = "CC BY-SA 4.0, as the Free Spoken Digit Dataset: https://github.com/Jakobovski/free-spoken-digit-dataset"


def main() -> None:
    """Train by the public command, then say in the file what it is."""
    train, held_out, test = digits(Path(os.environ["SEQTOOL_DATA"]))
    TARGET.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        command = [sys.executable, "-m", "seqtool", "transcribe", "train"]
        command += [str(write_manifest(folder / "train.tsv", train)), "-o", str(TARGET)]
        command += ["--validation", str(write_manifest(folder / "held-out.tsv", held_out))]
        if Path(f"{TARGET}.checkpoint").exists():
            command.append("--resume")
        subprocess.run([*command, *OPTIONS], check=True)
        describe(
            100 - error_rate(write_manifest(folder / "test.tsv", test)),
            error_rate(write_strings(folder / "strings", test, 300, seed=1)),
        )
    size = TARGET.stat().st_size
    if size > MOST_BYTES:
        raise SystemExit(f"{TARGET}: {size:,} bytes, more than {MOST_BYTES:,}")


def error_rate(manifest: Path) -> float:
    """Words in 100 that the model gets wrong."""
    command = [sys.executable, "-m", "seqtool", "transcribe", "eval", "-m", str(TARGET)]
    command += ["--format", "json", str(manifest)]
    found = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(json.loads(found.stdout)["wer"]["score"])


def describe(singles: float, strings: float) -> None:
    """Write the card."""
    tensors, metadata = read_model(str(TARGET), "speech-recogniser")
    metadata["card"] = CARD.format(singles=singles, strings=strings)
    metadata["licence"] = LICENCE
    write_model(str(TARGET), tensors, metadata)
    print(metadata["card"])


if __name__ == "__main__":
    main()
