"""Words for people who want only words: by Unicode's rules, those of BLEU, or white space."""

from __future__ import annotations

import numpy as np

from seqtool.errors import SeqtoolError
from seqtool.tokenizers.batches import batch_of_texts, texts_of
from seqtool.tokenizers.types import Batch
from seqtool.tokenizers.uax29 import holds_letter_or_number, uax29_words
from seqtool.tokenizers.uax29_kernels import join_words
from seqtool.words.mteval_kernels import GROWTH, PADDING, mteval_text

KINDS = ("unicode", "13a", "whitespace")

# str.split knows four white-space characters of ASCII that bytes.split does not.
_ASCII_SPACE = bytes(32 if chr(code).isspace() else code for code in range(256))


def split_words(kind: str, batch: Batch, threads: int = 1) -> list[list[bytes]]:
    """The words of every text of a batch; arguments and errors are those of `spaced_words`."""
    return [
        text.split(b" ") if text else [] for text in texts_of(spaced_words(kind, batch, threads))
    ]


def spaced_words(kind: str, batch: Batch, threads: int = 1) -> Batch:
    """The words of every text of a batch with one space between them.

    ``unicode``: the segments of UAX 29 that hold a letter or a number; ``13a``: the tokens of
    mteval-v13a, punctuation included; ``whitespace``: what stands between the white space of
    `str.split`. Raises SeqtoolError for another kind.
    """
    if kind == "unicode":
        return _unicode_words(batch, threads)
    if kind == "13a":
        return batch_of_texts(_spaced(_mteval(text)) for text in texts_of(batch))
    if kind == "whitespace":
        return batch_of_texts(_spaced(text) for text in texts_of(batch))
    raise SeqtoolError(f"no rules {kind!r} for words: choose one of {', '.join(KINDS)}")


def _unicode_words(batch: Batch, threads: int) -> Batch:
    segments = uax29_words(batch, threads)
    is_word = holds_letter_or_number(batch, segments).view(np.uint8)
    out = np.empty(2 * len(batch.data), np.uint8)
    starts = np.zeros(len(batch.starts), np.int64)
    size = join_words(batch.data, segments.ends, segments.starts, is_word, out, starts)
    return Batch(out[:size].copy(), starts)


def _mteval(text: bytes) -> bytes:
    """A text with white space between its tokens."""
    text = text.replace(b"<skipped>", b"")
    size = GROWTH * len(text) + PADDING
    scratch, out = bytearray(size), bytearray(size)
    return bytes(memoryview(out)[: mteval_text(text, scratch, out)])


def _spaced(text: bytes) -> bytes:
    if text.isascii():
        return b" ".join(text.translate(_ASCII_SPACE).split())
    words = text.decode("utf-8", "surrogateescape").split()
    return " ".join(words).encode("utf-8", "surrogateescape")
