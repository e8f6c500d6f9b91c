"""`seqtool tokenize train`: a vocabulary from text."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import click

from seqtool.errors import SeqtoolError
from seqtool.options import given
from seqtool.progress import Progress
from seqtool.text import expand_patterns
from seqtool.tokenizers.load import load, save
from seqtool.tokenizers.specials import STANDARD
from seqtool.tokenizers.tokenizer import Tokenizer
from seqtool.tokenizers.train import Recipe, extend, train
from seqtool_tokenize.lines import expect_files

# What decides the vocabulary; the rest (threads, memory, output) does not.
_DECIDING = (
    "kind", "vocab_size", "pretokenize", "special", "byte_fallback", "min_frequency", "normalize",
    "lowercase", "strip_accents", "extend", "errors",
)  # fmt: skip
_OF_THE_MODEL = (
    "kind",
    "pretokenize",
    "special",
    "byte_fallback",
    "normalize",
    "lowercase",
    "strip_accents",
)  # fmt: skip


def run_train(corpus: Sequence[str], settings: dict[str, Any]) -> None:
    """Train and write a tokenizer. Raises SeqtoolError and click.UsageError."""
    paths = expand_patterns(corpus)
    expect_files(paths)
    _check(paths, settings)
    about = {"arguments": {name: settings[name] for name in _DECIDING if settings[name]}}
    label = "reading the corpus"
    with Progress(label, "bytes", quiet=settings["quiet"]) as progress:
        work = {
            "memory": settings["memory"],
            "errors": settings["errors"],
            "progress": progress,
        }
        if settings["extend"]:
            old = load(settings["extend"])
            size, least = settings["vocab_size"], settings["min_frequency"]
            tokenizer = extend(old, paths, size, least, about, threads=settings["threads"], **work)
        else:
            tokenizer = train(_recipe(settings), paths, about, **work)
    save(settings["output"], tokenizer)
    if not settings["quiet"]:
        _report(tokenizer, settings)


def _recipe(settings: Mapping[str, Any]) -> Recipe:
    specials = (*STANDARD, *(text for text in settings["special"] if text not in STANDARD))
    return Recipe(
        settings["kind"],
        settings["vocab_size"],
        settings["pretokenize"] or ("gpt2" if settings["kind"] == "bpe" else "whitespace"),
        specials,
        settings["normalize"] or "none",
        settings["lowercase"],
        settings["strip_accents"],
        settings["min_frequency"],
        settings["byte_fallback"],
        settings["threads"],
    )


def _check(paths: Sequence[str], settings: Mapping[str, Any]) -> None:
    """Refuse what cannot work, before the corpus is read."""
    output = settings["output"]
    if output is None:
        raise click.UsageError("-o FILE is missing: where does the tokenizer go?")
    if output != "-":
        folder = os.path.dirname(os.path.abspath(output))
        if not os.path.isdir(folder):
            raise SeqtoolError(f"{folder}: no such folder")
    for path in paths:
        if os.path.exists(output) and os.path.exists(path) and os.path.samefile(path, output):
            raise click.UsageError(f"-o {output} is also a file of the corpus")
    for text in settings["special"]:
        if not text or any(character.isspace() for character in text):
            raise click.UsageError(f"--special {text!r}: a token has no spaces and is not empty")
    if settings["extend"]:
        for name in _OF_THE_MODEL:
            if given(name):
                option = "model" if name == "kind" else name.replace("_", "-")
                raise click.UsageError(f"--{option} does not go with --extend: FILE decides it")
    if settings["kind"] == "word" and settings["pretokenize"] == "none":
        raise click.UsageError("--model word needs words: choose another --pretokenize")


def _report(tokenizer: Tokenizer, settings: Mapping[str, Any]) -> None:
    """Say how large the vocabulary became."""
    size, wanted = tokenizer.vocab_size, settings["vocab_size"]
    fewer = f" of {wanted:,}: the corpus gives no more" if size < wanted else ""
    click.echo(f"seqtool tokenize: {size:,} pieces{fewer}", err=True)
