"""The symbols that a recogniser writes: text into labels, and labels into text."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from typing import Any

import click
import numpy as np

from seqtool.errors import SeqtoolError
from seqtool.nn.types import Ids
from seqtool.tokenizers.load import load
from seqtool.tokenizers.specials import STANDARD, UNKNOWN
from seqtool.tokenizers.tokenizer import Tokenizer
from seqtool.tokenizers.train import Recipe, train

MARK = "▁"
LEVELS = {"char": "char", "word": "word", "subword": "unigram"}
_SIZES = {"char": 1 << 20, "word": 10_000, "subword": 320}


class Alphabet:
    """A tokenizer whose ids are symbols: 0 is the blank, token ``id`` is symbol ``id + 1``."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer

    @property
    def symbols(self) -> int:
        """How many symbols there are, the blank among them."""
        return self.tokenizer.vocab_size + 1

    @cached_property
    def texts(self) -> list[str]:
        """What each symbol adds to a text; nothing for the blank and for special tokens.

        Where symbols are whole words each begins with a space. Parts of characters are surrogates,
        see `whole_characters`.
        """
        tokenizer = self.tokenizer
        numbers = np.arange(tokenizer.vocab_size, dtype=np.int32)
        pieces = tokenizer.decode_batch(numbers, np.arange(len(numbers) + 1))
        silent = {special.id for special in tokenizer.specials if special.text in STANDARD}
        texts = [""]
        for number, (piece, name) in enumerate(zip(pieces, tokenizer.names, strict=True)):
            text = piece.decode("utf-8", "surrogateescape")
            if tokenizer.form == "words":
                text = f" {text}"
            elif tokenizer.form == "metaspace" and name.startswith(MARK):
                text = f" {text.lstrip(' ')}"  # which decoding takes from a first piece
            texts.append("" if number in silent else text)
        return texts

    @property
    def marked_texts(self) -> list[str]:
        """The same with "▁" before symbols that begin a word; a space alone is one symbol."""
        if self.tokenizer.model.kind == "char":
            return self.texts
        return [MARK + text[1:] if text.startswith(" ") else text for text in self.texts]

    @property
    def silent(self) -> list[int]:
        """Symbols but the blank that stand for no text: they are never written."""
        return [number for number, text in enumerate(self.texts) if number and not text]

    def encode(self, texts: Sequence[str]) -> list[Ids]:
        """The labels of texts, int32 (labels,) each, white space as one space."""
        plain = [" ".join(text.split()) for text in texts]
        ids, starts, _ = self.tokenizer.encode_batch(plain)
        labels = ids + np.int32(1)
        return [labels[a:b] for a, b in pairwise(starts.tolist())]

    def unknown_in(self, text: str) -> str | None:
        """The first word of a text that has no labels of its own; None if all have."""
        unknown = self.tokenizer.unknown
        if unknown is None or not (self.encode([text])[0] == unknown + 1).any():
            return None
        return next(word for word in text.split() if (self.encode([word])[0] == unknown + 1).any())

    def decode(self, labels: Ids) -> str:
        """The text of labels, without white space around it, in one line."""
        ids = np.asarray(labels, np.int32) - np.int32(1)
        text = self.tokenizer.decode_batch(ids, np.array([0, len(ids)]))[0]
        return " ".join(text.decode("utf-8", "replace").split())


def whole_characters(text: str) -> str:
    """Texts of symbols side by side, the parts of characters put together."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def check_alphabet(settings: Mapping[str, Any]) -> None:
    """Refuse options that contradict each other. Raises click.UsageError and SeqtoolError."""
    path = settings["tokenizer"]
    if not path:
        return
    if settings["level"] != "subword":
        raise click.UsageError("--tokenizer goes with --level subword")
    if settings["vocab_size"] is not None:
        raise click.UsageError("--vocab-size does not go with --tokenizer: FILE decides it")
    if not os.path.exists(path):
        raise SeqtoolError(f"{path}: no such file")


def make_alphabet(texts: Sequence[str], settings: Mapping[str, Any]) -> Alphabet:
    """An alphabet learned from texts, or that of --tokenizer.

    Raises SeqtoolError for texts without words, and a tokenizer that cannot be read.
    """
    if settings["tokenizer"]:
        return Alphabet(load(settings["tokenizer"]))
    level = settings["level"]
    if not any(text.strip() for text in texts):
        raise SeqtoolError("all recordings have empty texts: there are no symbols to learn")
    recipe = Recipe(
        kind=LEVELS[level],
        vocab_size=settings["vocab_size"] or _SIZES[level],
        pretokenize="whitespace",
        specials=(UNKNOWN,),
        threads=settings["threads"],
    )
    with tempfile.TemporaryDirectory(prefix="seqtool-transcribe-") as folder:
        path = os.path.join(folder, "texts")
        with open(path, "w", encoding="utf-8", newline="\n") as file:
            file.writelines(f"{' '.join(text.split())}\n" for text in texts)
        return Alphabet(train(recipe, [path], {}))
