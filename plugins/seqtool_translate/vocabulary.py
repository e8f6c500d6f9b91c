"""The vocabularies of a model: learned from its pairs, or read from files."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

import click

from seqtool.errors import SeqtoolError
from seqtool.tokenizers.load import load
from seqtool.tokenizers.specials import BEGIN, END, UNKNOWN
from seqtool.tokenizers.tokenizer import Tokenizer
from seqtool.tokenizers.train import Recipe, train
from seqtool_translate.pairs import Lines, Pairs
from seqtool_translate.text_side import TextSide

_KINDS = {"char": "char", "word": "word", "subword": "bpe"}
_SIZES = {"char": 1 << 20, "word": 10_000, "subword": 6_144}  # whole panels of a product
_DROPOUT = 0.1  # of merges: Provilkov et al. 2020, section 4.3


def check_vocabulary(settings: Mapping[str, Any]) -> None:
    """Refuse options that contradict each other. Raises click.UsageError."""
    one, first, second = (
        settings[name] for name in ("tokenizer", "source_tokenizer", "target_tokenizer")
    )
    if bool(first) != bool(second):
        raise click.UsageError("--source-tokenizer and --target-tokenizer go together")
    if one and first:
        raise click.UsageError("--tokenizer is for both languages: it goes with no other one")
    if one and settings["joint"] is False:
        raise click.UsageError("--tokenizer is for both languages: it does not go with --separate")
    if first and settings["joint"]:
        raise click.UsageError("--joint takes one --tokenizer for both languages")
    if (one or first) and settings["level"] != "subword":
        raise click.UsageError("a tokenizer goes with --level subword")
    if (one or first) and settings["vocab_size"] is not None:
        raise click.UsageError("--vocab-size does not go with a tokenizer: FILE decides it")
    if settings["level"] != "subword" and settings["subword_dropout"]:
        raise click.UsageError("--subword-dropout goes with --level subword")


def make_sides(pairs: Pairs, settings: Mapping[str, Any]) -> tuple[TextSide, TextSide]:
    """(source, target), the same object for a joint vocabulary.

    Raises SeqtoolError for a tokenizer that cannot be read, or a vocabulary too small.
    """
    if settings["source_tokenizer"]:
        paths = (settings["source_tokenizer"], settings["target_tokenizer"])
        first, second = (TextSide(load(path)) for path in paths)
        return first, second
    if settings["tokenizer"]:
        side = TextSide(load(settings["tokenizer"]))
        return side, side
    joint = settings["joint"]
    if joint or (joint is None and settings["level"] == "subword"):
        side = TextSide(_learn((pairs.source, pairs.target), settings))
        return side, side
    first, second = (TextSide(_learn((lines,), settings)) for lines in (pairs.source, pairs.target))
    return first, second


def _learn(texts: Sequence[Lines], settings: Mapping[str, Any]) -> Tokenizer:
    level = settings["level"]
    recipe = Recipe(
        kind=_KINDS[level],
        vocab_size=settings["vocab_size"] or _SIZES[level],
        pretokenize="gpt2" if level == "subword" else "whitespace",
        specials=(UNKNOWN, BEGIN, END),
        threads=settings["threads"],
    )
    with tempfile.TemporaryDirectory(prefix="seqtool-translate-") as folder:
        paths = []
        for number, lines in enumerate(texts):
            path = os.path.join(folder, str(number))
            with open(path, "w", encoding="utf-8", newline="\n") as file:
                file.writelines(f"{line}\n" for line in lines)
            paths.append(path)
        return train(recipe, paths, {})


def dropout_of(source: TextSide, target: TextSide, settings: Mapping[str, Any]) -> float:
    """The chance of a merge to be left out in training.

    Raises SeqtoolError if it is asked for, and a tokenizer has no merges.
    """
    wanted: float | None = settings["subword_dropout"]
    merges = source.tokenizer.model.kind == target.tokenizer.model.kind == "bpe"
    if wanted and not merges:
        raise SeqtoolError("--subword-dropout needs tokenizers with merges (BPE)")
    return (_DROPOUT if merges else 0.0) if wanted is None else wanted
