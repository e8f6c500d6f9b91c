"""Make the built-in model of `seqtool generate`: models/shakespeare.safetensors in its package.

    SEQTOOL_DATA=... python tools/make_shakespeare_model.py

Reads text/tinyshakespeare.txt of SEQTOOL_DATA: the first 90 % of its characters are trained on,
the others validated on. The same text and the same seqtool give the same file on one kind of
processor. A training that was stopped goes on when this is run again.
"""

import os
import subprocess
import sys
from pathlib import Path

from seqtool.modelfile import read_model, write_model

TARGET = Path(__file__).parents[1] / "plugins/seqtool_generate/models/shakespeare.safetensors"
MOST_BYTES = 7_000_000
OPTIONS = ["--level", "char", "--validation", "0.1", "--cell", "lstm", "--embedding", "64"]
OPTIONS += ["--hidden", "512", "--layers", "2", "--dropout", "0.4", "--batch-size", "32"]
OPTIONS += ["--steps", "64", "--optimizer", "adam", "--learning-rate", "0.002"]
OPTIONS += ["--schedule", "cosine", "--warmup", "200", "--clip-norm", "1", "--epochs", "8"]
OPTIONS += ["--precision", "float16", "--seed", "1"]
CARD = """\
Characters of plays by Shakespeare, two LSTM layers of 512
Trained on the first 90 % of tinyshakespeare (1.1 million characters of his plays), kept as
float16. It writes in his manner, without much sense. On the last 10 %: {loss:.4f} nats a
character."""
LICENCE = "public domain (made from plays of William Shakespeare)"


def main() -> None:
    """Train by the public command, then say in the file what it is."""
    corpus = Path(os.environ["SEQTOOL_DATA"]) / "text/tinyshakespeare.txt"
    TARGET.parent.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "seqtool", "generate", "train", str(corpus)]
    command += ["-o", str(TARGET), *OPTIONS]
    if Path(f"{TARGET}.checkpoint").exists():
        command.append("--resume")
    subprocess.run(command, check=True)
    tensors, metadata = read_model(str(TARGET), "language-model")
    metadata["card"] = CARD.format(loss=metadata["validation_loss"])
    metadata["licence"] = LICENCE
    write_model(str(TARGET), tensors, metadata)
    size = TARGET.stat().st_size
    print(metadata["card"])
    if size > MOST_BYTES:
        raise SystemExit(f"{TARGET}: {size:,} bytes, more than {MOST_BYTES:,}")


if __name__ == "__main__":
    main()
