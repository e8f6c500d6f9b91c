"""Texts as lines of the names of their pieces."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seqtool.tokenizers.name_kernels import write_names
from seqtool.tokenizers.types import Ids, Offsets


class NamedIds:
    """What ids are called, as bytes side by side: ``arena``, ``starts`` (int64, ids + 1)."""

    def __init__(self, names: Sequence[bytes]) -> None:
        self.arena = np.frombuffer(b"".join(names) or b"\0", np.uint8)
        self.starts = np.zeros(len(names) + 1, np.int64)
        np.cumsum([len(name) for name in names], out=self.starts[1:])

    def lines(self, ids: Ids, starts: Offsets) -> bytes:
        """A line a text, names separated by spaces."""
        size = int((self.starts[1:] - self.starts[:-1])[ids].sum()) + len(ids) + len(starts)
        out = np.empty(size, np.uint8)
        return out[: write_names(ids, starts, self.arena, self.starts, out)].tobytes()
