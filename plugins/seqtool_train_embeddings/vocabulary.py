"""The words of a corpus, counted in one streaming pass and in bounded memory."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from seqtool.errors import SeqtoolError
from seqtool.parallel import for_each
from seqtool.text import display_name
from seqtool.words.blocks import TextBlock, text_blocks
from seqtool.words.counter import Counter
from seqtool.words.table import Merged, WordTable

if TYPE_CHECKING:
    from seqtool.progress import Progress

Integers = npt.NDArray[np.int64]
Transform = Callable[[bytes], bytes]


class Vocabulary:
    """Words and how often each occurs: the most frequent first, equal counts by their UTF-8 bytes.

    Attributes: ``words``; ``counts``, int64; ``tokens_seen``, the length of the corpus with the
    words that were left out; ``sha256`` of the corpus, as `count_words` read it ("" if unknown).
    """

    def __init__(
        self, words: list[str], counts: Integers, tokens_seen: int, sha256: str = ""
    ) -> None:
        self.words = words
        self.counts = counts
        self.tokens_seen = tokens_seen
        self.sha256 = sha256

    def __len__(self) -> int:
        return len(self.words)

    @property
    def total(self) -> int:
        """How many words of the corpus are in the vocabulary."""
        return int(self.counts.sum())

    @cached_property
    def index(self) -> dict[str, int]:
        """The number of every word."""
        return {word: number for number, word in enumerate(self.words)}


def prepared(block: TextBlock, lowercase: bool, transform: Transform | None) -> bytes:
    """The lines as they are split into words. Raises SeqtoolError for what is not UTF-8."""
    block.check()
    data = lowered(block.data) if lowercase else block.data
    return transform(data) if transform else data


def lowered(data: bytes) -> bytes:
    """The lower-case form of UTF-8 text, exactly as ``str.lower`` makes it."""
    if data.isascii():
        return data.lower()
    # What lower() looks at around a letter never lies beyond white space, so lines will do.
    lines = data.split(b"\n")
    return b"\n".join(
        line.lower() if line.isascii() else line.decode().lower().encode() for line in lines
    )


def count_words(
    paths: Sequence[str],
    *,
    lowercase: bool = False,
    memory: int = 1 << 30,
    min_count: int = 1,
    max_vocab: int | None = None,
    threads: int = 1,
    errors: str = "strict",
    progress: Progress | None = None,
    transform: Transform | None = None,
    folder: str | None = None,
) -> Vocabulary:
    """Count the words of files: what stands between ASCII white space.

    Args:
        paths: files; the same path may come twice, ``-`` only in a corpus that is read once.
        lowercase: count lower-case forms.
        memory: bytes for the tables. What does not fit is spilled to sorted files and merged at
            the end: counts are exact whatever the memory. The words kept must fit anyway.
        min_count: words that occur less often are left out.
        max_vocab: keep only so many of the most frequent words.
        threads: how many threads count; the result does not depend on it.
        errors: ``strict`` or ``replace``, for bytes that are not UTF-8.
        progress: advanced by the bytes of text read.
        transform: makes other text of whole lines of UTF-8 before they are split, in any thread.
        folder: where temporary files go; the system's folder for them if None.

    Raises SeqtoolError for files that cannot be read, and when no word is left.
    """
    import hashlib

    digest = hashlib.sha256()

    def on_block(data: bytes) -> None:
        digest.update(data)
        if progress:
            progress.advance(len(data))

    with tempfile.TemporaryDirectory(prefix="seqtool-words-", dir=folder) as work:
        counter = Counter(work, memory, threads)

        def make_worker() -> Callable[[TextBlock], None]:
            table = counter.new_table()
            return lambda b: table.count(prepared(b, lowercase, transform), counter.spill)

        for_each(text_blocks(paths, errors, on_block), make_worker, threads)
        tokens = sum(table.tokens for table in counter.tables)
        counted = counter.finish(min_count, memory)
        words, counts = _most_frequent(counted, min_count, max_vocab)
    if not words:
        raise SeqtoolError(_explain_empty(paths, tokens, min_count))
    return Vocabulary(words, counts, tokens, digest.hexdigest())


def _most_frequent(
    counted: WordTable | Merged, min_count: int, max_vocab: int | None
) -> tuple[list[str], Integers]:
    counts = counted.counts[: counted.words]
    order = counted.order(min_count)
    order = order[np.argsort(-counts[order], kind="stable")][:max_vocab]
    view = memoryview(counted.arena)
    begins, ends = counted.starts[order].tolist(), counted.starts[order + 1].tolist()
    words = [str(view[b:e], "utf-8") for b, e in zip(begins, ends, strict=True)]
    return words, counts[order]


def _explain_empty(paths: Sequence[str], tokens: int, min_count: int) -> str:
    name = display_name(paths[0]) if len(paths) == 1 else f"the {len(paths)} files"
    if tokens == 0:
        return f"{name}: no words in it: nothing to train on"
    return f"{name}: none of its {tokens:,} words occurs {min_count} times: lower --min-count"
