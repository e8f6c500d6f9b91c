"""What `seqtool generate train` does once its options are read."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

import click

from seqtool.errors import SeqtoolError
from seqtool.nn.training_options import DECIDING, check_training_options
from seqtool.options import given, refuse_overwriting
from seqtool.text import expand_patterns
from seqtool.tokenizers.embedded import names_sha256
from seqtool_generate.corpus import (
    Corpus,
    check_level,
    make_text_side,
    read_corpus,
    split_corpus,
    spool_stdin,
)
from seqtool_generate.model_files import ARPA, text_fields
from seqtool_generate.text_side import Texts, TextSide

_TEXT_DECIDING = (
    "model", "level", "one_per_line", "tokenizer", "vocab_size", "min_count", "errors",
)  # fmt: skip
_OWN_DECIDING = {
    "neural": (
        "cell", "embedding", "hidden", "layers", "dropout", "variational", "layer_norm",
        "residual", "tied", "label_smoothing", "embeddings", "steps", "precision",
        *DECIDING,
    ),
    "ngram": ("order", "validation", "seed"),
}  # fmt: skip


def run_train(corpus: Sequence[str], settings: dict[str, Any]) -> None:
    """Train and write a model. Raises SeqtoolError and click.UsageError."""
    _check(settings)
    paths = expand_patterns(corpus)
    _check_different(paths, settings)
    with tempfile.TemporaryDirectory(prefix="seqtool-generate-") as folder:
        paths = spool_stdin(paths, folder)
        text = make_text_side(paths, settings)
        text_fields(text)  # a tokenizer that a model cannot hold is refused now
        data = read_corpus(paths, text, settings)
    train, validation, validation_sha256 = _validation(data, text, settings)
    names = (*_TEXT_DECIDING, *_OWN_DECIDING[settings["model"]])
    about = {
        "arguments": {name: settings[name] for name in names},
        "seed": settings["seed"],
        "corpus_sha256": data.sha256,
        "vocabulary_sha256": names_sha256(text.names),
        "validation_sha256": validation_sha256,
    }
    _report(train, validation, text, settings)
    if settings["model"] == "ngram":
        from seqtool_generate.train_ngrams import train_ngrams

        train_ngrams(text, train, validation, about, settings)
    else:
        from seqtool_generate.train_neural import train_neural

        train_neural(text, train, validation, about, settings)


def _validation(
    data: Corpus, text: TextSide, settings: Mapping[str, Any]
) -> tuple[Texts, Texts | None, str | None]:
    """(texts to train on, texts to validate on, SHA-256 of the file these are from)."""
    wanted = settings["validation"]
    if wanted is None:
        return data.texts, None, None
    if isinstance(wanted, str):
        other = read_corpus([wanted], text, settings)
        return data.texts, other.texts, other.sha256
    return *split_corpus(data.texts, text, wanted, settings), None


def _check(settings: dict[str, Any]) -> None:
    """Refuse options that contradict each other, before the corpus is read."""
    output, ngram = settings["output"], settings["model"] == "ngram"
    endings = (".safetensors", *ARPA) if ngram else (".safetensors",)
    if not output.endswith(endings):
        raise click.UsageError(f"-o {output}: end it in {' or '.join(endings)}")
    check_level(settings)
    _check_kind(settings, ngram)
    if ngram and settings["level"] == "subword" and output.endswith(ARPA):
        raise click.UsageError(
            "an ARPA file has no place for the tokenizer of subwords: end -o in .safetensors"
        )
    if settings["embeddings"] and settings["level"] != "word":
        raise click.UsageError("--embeddings goes with --level word")
    if not ngram:
        check_training_options(settings)
    for path in (settings["tokenizer"], settings["embeddings"], settings["validation"]):
        if isinstance(path, str) and not os.path.exists(path):
            raise SeqtoolError(f"{path}: no such file")
    for path in filter(None, (output, settings["log"])):
        folder = os.path.dirname(os.path.abspath(path))
        if not os.path.isdir(folder):
            raise SeqtoolError(f"{folder}: no such folder")


def _check_kind(settings: Mapping[str, Any], ngram: bool) -> None:
    """Refuse options of the other kind of model that are given."""
    others = set(_OWN_DECIDING["neural" if ngram else "ngram"])
    others |= {"resume", "log", "diagnose"} if ngram else set()
    others -= set(_OWN_DECIDING["ngram" if ngram else "neural"])
    for name in sorted(others):
        if given(name):
            raise click.UsageError(
                f"--{name.replace('_', '-')} does not go with --model {settings['model']}"
            )


def _check_different(paths: Sequence[str], settings: Mapping[str, Any]) -> None:
    """Refuse to write over what is read."""
    read = [*paths, settings["validation"], settings["tokenizer"], settings["embeddings"]]
    refuse_overwriting((settings["output"], settings["log"]), read)


def _report(
    train: Texts, validation: Texts | None, text: TextSide, settings: Mapping[str, Any]
) -> None:
    if not settings["quiet"]:
        held = f", {len(validation.ids):,} to validate on" if validation else ""
        click.echo(
            f"{len(train.ids):,} tokens to train on{held}; a vocabulary of {text.vocab_size:,}",
            err=True,
        )
