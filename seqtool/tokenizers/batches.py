"""Making a batch of texts, and taking one apart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np

from seqtool.tokenizers.types import Batch, Encoded

_NEWLINE = 10
_BLOCK_BYTES = 1 << 20  # what a thread works on stays in its cache


def batch_of_texts(texts: Iterable[str | bytes]) -> Batch:
    """A batch of texts; surrogates that stand for bytes that are no UTF-8 become these bytes."""
    encoded = [t.encode("utf-8", "surrogateescape") if isinstance(t, str) else t for t in texts]
    starts = np.zeros(len(encoded) + 1, np.int64)
    np.cumsum([len(text) for text in encoded], out=starts[1:])
    return Batch(np.frombuffer(b"".join(encoded), np.uint8), starts)


def batch_of_lines(block: bytes) -> Batch:
    """The lines of a block, each of which ends in a newline, as texts without the newline."""
    newlines = np.flatnonzero(np.frombuffer(block, np.uint8) == _NEWLINE)
    starts = np.zeros(len(newlines) + 1, np.int64)
    starts[1:] = newlines - np.arange(len(newlines))
    return Batch(np.frombuffer(block.replace(b"\n", b""), np.uint8), starts)


def texts_of(batch: Batch) -> list[bytes]:
    """The texts of a batch."""
    data = batch.data.tobytes()
    bounds = batch.starts.tolist()
    return [data[begin:end] for begin, end in pairwise(bounds)]


def blocks_of(batch: Batch) -> list[Batch]:
    """The texts of a batch in blocks of about a megabyte; at least one block."""
    cuts = np.searchsorted(batch.starts, np.arange(0, len(batch.data), _BLOCK_BYTES)[1:])
    bounds = np.unique(np.concatenate(([0], cuts, [len(batch.starts) - 1]))).tolist()
    if len(bounds) < 3:
        return [batch]
    blocks = []
    for first, last in pairwise(bounds):
        starts = batch.starts[first : last + 1]
        blocks.append(Batch(batch.data[starts[0] : starts[-1]], starts - starts[0]))
    return blocks


def join_blocks(blocks: Sequence[Batch], encoded: Sequence[Encoded]) -> Encoded:
    """The tokens of all blocks of a batch as those of the batch."""
    ids = np.concatenate([part.ids for part in encoded])
    counts = [np.diff(part.starts) for part in encoded]
    starts = np.zeros(sum(map(len, counts)) + 1, np.int64)
    np.cumsum(np.concatenate(counts), out=starts[1:])
    begins = np.cumsum([0, *(len(block.data) for block in blocks)])
    ends = [
        part.ends + begin
        for part, begin in zip(encoded, begins, strict=False)
        if part.ends is not None
    ]
    return Encoded(ids, starts, np.concatenate(ends) if ends else None)
