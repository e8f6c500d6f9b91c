"""Making a batch of texts, and taking one apart."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import numpy as np

from seqtool.tokenizers.types import Batch

_NEWLINE = 10


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
