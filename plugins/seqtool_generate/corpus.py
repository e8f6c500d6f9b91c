"""A corpus as ids, and its vocabulary."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import click
import numpy as np

from seqtool.errors import SeqtoolError
from seqtool.progress import Progress
from seqtool.text import display_name, explain_bad_bytes, open_bytes, read_blocks
from seqtool.tokenizers.load import load
from seqtool.tokenizers.specials import BEGIN, END, UNKNOWN
from seqtool.tokenizers.tokenizer import Tokenizer
from seqtool.tokenizers.train import Recipe, train
from seqtool_generate.text_side import Texts, TextSide, with_newline

_KINDS = {"char": "char", "word": "word", "subword": "bpe"}
_SIZES = {"char": 1 << 20, "word": 10_000, "subword": 4_000}
_COPY_BYTES = 1 << 20


class Corpus(NamedTuple):
    """Texts as ids, and the SHA-256 of what was read."""

    texts: Texts
    sha256: str


def spool_stdin(paths: Sequence[str], folder: str) -> list[str]:
    """The paths with a copy of stdin in place of ``-``: a corpus is read twice."""
    if list(paths).count("-") > 1:
        raise SeqtoolError("stdin ('-') can be read only once: name it once")
    if "-" not in paths:
        return list(paths)
    copy = os.path.join(folder, "stdin")
    with open_bytes("-") as source, open(copy, "wb") as target:
        shutil.copyfileobj(source, target, _COPY_BYTES)
    return [copy if path == "-" else path for path in paths]


def make_text_side(paths: Sequence[str], settings: Mapping[str, Any]) -> TextSide:
    """The vocabulary that the options ask for. Raises SeqtoolError for a corpus without words."""
    lines = settings["one_per_line"]
    if settings["tokenizer"]:
        tokenizer = load(settings["tokenizer"])
    else:
        tokenizer = _learn(paths, settings)
        if settings["level"] == "char" and not lines:
            tokenizer = with_newline(tokenizer)
    text = TextSide(tokenizer, lines)
    if settings["model"] == "ngram" and not text.newline_inside:
        return TextSide(tokenizer, lines=True)  # n-grams do not reach beyond </s>
    return text


def _learn(paths: Sequence[str], settings: Mapping[str, Any]) -> Tokenizer:
    level = settings["level"]
    recipe = Recipe(
        kind=_KINDS[level],
        vocab_size=settings["vocab_size"] or _SIZES[level],
        pretokenize="gpt2" if level == "subword" else "whitespace",
        specials=(UNKNOWN, BEGIN, END),
        min_frequency=settings["min_count"],
        threads=settings["threads"],
    )
    with Progress("reading the corpus", "bytes", quiet=settings["quiet"]) as progress:
        return train(recipe, paths, {}, errors=settings["errors"], progress=progress)


def text_blocks(paths: Sequence[str], errors: str) -> Iterator[bytes]:
    """Files in blocks of whole lines. Raises SeqtoolError for bytes that are not UTF-8."""
    for path in paths:
        lines = 0
        for block in read_blocks(path, errors):
            explain_bad_bytes(block, path, lines)
            lines += block.count(b"\n")
            yield block


def read_corpus(paths: Sequence[str], text: TextSide, settings: Mapping[str, Any]) -> Corpus:
    """Encode files; in a list, empty lines are left out.

    Raises SeqtoolError if there is no text in them.
    """
    errors, threads = settings["errors"], settings["threads"]
    digest = hashlib.sha256()
    parts: list[Texts] = []
    for block in text_blocks(paths, errors):
        digest.update(block)
        parts.append(text.encode_block(block, threads))
    ids = np.concatenate([np.empty(0, np.int32), *(part.ids for part in parts)])
    lengths = np.concatenate([np.empty(0, np.int64), *(np.diff(part.starts) for part in parts)])
    if not len(ids):
        names = ", ".join(map(display_name, paths))
        raise SeqtoolError(f"{names}: no text: there is nothing to learn from")
    if text.newline_inside:
        lengths = np.array([len(ids)])
    elif settings["one_per_line"]:
        lengths = lengths[lengths > 0]
    starts = np.append(0, np.cumsum(lengths)).astype(np.int64)
    return Corpus(Texts(ids, starts), digest.hexdigest())


def split_corpus(
    texts: Texts, text: TextSide, share: float, settings: Mapping[str, Any]
) -> tuple[Texts, Texts]:
    """(what is left to train on, what is held back): random lines of a list, or the end of a text.

    Raises SeqtoolError if either is nothing.
    """
    count = len(texts.starts) - 1
    if text.newline_inside:
        cut = int(len(texts.ids) * (1 - share))
        parts = [_whole(texts.ids[:cut]), _whole(texts.ids[cut:])]
        enough = 2 <= cut <= len(texts.ids) - 2
    else:
        if settings["one_per_line"]:
            order = np.random.default_rng(settings["seed"]).permutation(count)
            cut = int(count * (1 - share))
        else:
            order = np.arange(count)
            cut = int(np.searchsorted(texts.starts, len(texts.ids) * (1 - share)))
        parts = [_take(texts, np.sort(order[:cut])), _take(texts, np.sort(order[cut:]))]
        enough = 1 <= cut < count
    if not enough:
        raise SeqtoolError(
            "the corpus is too small to hold some of it back for validation: "
            "use --validation 0, or give a file"
        )
    return parts[0], parts[1]


def _whole(ids: Any) -> Texts:
    return Texts(ids, np.array([0, len(ids)], np.int64))


def _take(texts: Texts, chosen: Any) -> Texts:
    """Some of the texts."""
    pieces = [texts.ids[texts.starts[i] : texts.starts[i + 1]] for i in chosen.tolist()]
    lengths = np.diff(texts.starts)[chosen]
    ids = np.concatenate([np.empty(0, np.int32), *pieces])
    return Texts(ids, np.append(0, np.cumsum(lengths)).astype(np.int64))


def check_level(settings: Mapping[str, Any]) -> None:
    """Refuse options that do not fit the level. Raises click.UsageError."""
    level = settings["level"]
    if settings["tokenizer"]:
        if level != "subword":
            raise click.UsageError("--tokenizer goes with --level subword")
        if settings["vocab_size"] is not None:
            raise click.UsageError("--vocab-size does not go with --tokenizer: FILE decides it")
