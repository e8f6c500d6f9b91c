"""Make the built-in model of `seqtool translate`: models/german-english.safetensors in its package.

    SEQTOOL_DATA=... python tools/make_german_english_model.py

Trains on parallel/multi30k of SEQTOOL_DATA, 29,000 pairs, and keeps the weights that translate the
1,014 pairs of `val` best; `test2016` is looked at once, for the card. It takes half an hour on
two cores. The same text and the same seqtool give the same file on one kind of processor. A
training that was stopped goes on when this is run again.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

from seqtool.modelfile import read_model, write_model

TARGET = Path(__file__).parents[1] / "plugins/seqtool_translate/models/german-english.safetensors"
MOST_BYTES = 12_000_000
OPTIONS = ["--level", "subword", "--vocab-size", "6144", "--joint", "--subword-dropout", "0.1"]
OPTIONS += ["--cell", "lstm", "--embedding", "256", "--hidden", "512", "--layers", "1"]
OPTIONS += ["--attention", "general", "--feeding", "--dropout", "0.3", "--label-smoothing", "0.1"]
OPTIONS += ["--batch-size", "64", "--optimizer", "adam", "--learning-rate", "0.002"]
OPTIONS += ["--schedule", "cosine", "--warmup", "200", "--clip-norm", "1", "--epochs", "16"]
OPTIONS += ["--precision", "float16", "--seed", "1"]
CARD = """\
German to English, descriptions of everyday scenes
Trained on 29,000 captions of pictures (Multi30k) with a vocabulary of 6,144 subwords: an LSTM that
reads in both directions, one of 512 that writes, attention. It is good for single sentences about
people, animals and what they do; it knows no news, no letters and few names.
BLEU on test2016: {test:.1f} ({signature})"""
LICENCE = "made from Multi30k, captions for research: see https://github.com/multi30k/dataset"


def main() -> None:
    """Train by the public command, then say in the file what it is."""
    folder = Path(os.environ["SEQTOOL_DATA"]) / "parallel/multi30k"
    TARGET.parent.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "seqtool", "translate", "train"]
    for option, part in (("--", "train"), ("--validation-", "val")):
        command += [f"{option}source", str(folder / f"{part}.de")]
        command += [f"{option}target", str(folder / f"{part}.en")]
    command += ["-o", str(TARGET), *OPTIONS]
    if Path(f"{TARGET}.checkpoint").exists():
        command.append("--resume")
    subprocess.run(command, check=True)
    describe(folder)
    size = TARGET.stat().st_size
    if size > MOST_BYTES:
        raise SystemExit(f"{TARGET}: {size:,} bytes, more than {MOST_BYTES:,}")


def describe(folder: Path) -> None:
    """Measure the model on the test set, and write the card."""
    command = [sys.executable, "-m", "seqtool", "translate", "eval", "-m", str(TARGET)]
    command += ["--source", str(folder / "test2016.de"), "--target", str(folder / "test2016.en")]
    found = subprocess.run(
        [*command, "--format", "json"], check=True, capture_output=True, text=True
    )
    bleu = json.loads(found.stdout)["scores"][0]
    tensors, metadata = read_model(str(TARGET), "translation")
    metadata["card"] = CARD.format(test=bleu["score"], signature=bleu["signature"])
    metadata["licence"] = LICENCE
    write_model(str(TARGET), tensors, metadata)
    print(metadata["card"])


if __name__ == "__main__":
    main()
