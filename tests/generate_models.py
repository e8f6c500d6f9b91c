"""Small language models that the tests of `seqtool generate` share."""

import random
from pathlib import Path

from conftest import REPOSITORY

from seqtool.cli import main

NAMES = REPOSITORY / "examples" / "names.txt"
SUMS = REPOSITORY / "examples" / "sums.txt"
SENTENCES = ["the dog chases the cat .", "the cat sees the bird .", "a bird sings ."]
COUNTING = "one two three four five six seven eight nine ten\n"


def grammar(count: int = 60) -> str:
    """Lines of a small grammar, drawn with a seed."""
    drawn = random.Random(1)
    return "".join(f"{drawn.choice(SENTENCES)}\n" for _ in range(count))


def train(corpus: object, output: Path, *options: object) -> str:
    """Train a model by the command; returns its path."""
    arguments = ["generate", "train", corpus, "-o", output, "-q", *options]
    assert main([str(argument) for argument in arguments]) == 0
    return str(output)


def write(path: Path, text: str) -> Path:
    """A file of this text."""
    path.write_text(text, encoding="utf-8", newline="\n")
    return path


SMALL = ("--cell", "gru", "--hidden", 32, "--layers", 1, "--embedding", 16, "--dropout", 0)
QUICK = (*SMALL, "--learning-rate", 0.01, "--batch-size", 8, "--steps", 32)
