"""Text as sentencepiece prepares it: spaces become U+2581 (▁), which begins the words."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import numpy.typing as npt

from seqtool.errors import SeqtoolError
from seqtool.parallel import for_each
from seqtool.tokenizers.metaspace_kernels import next_units, prepare_texts, split_at_marks
from seqtool.tokenizers.pretokenize import split_in_parts
from seqtool.tokenizers.trie_kernels import build_trie
from seqtool.tokenizers.types import Batch, Bytes, Offsets, Words

MARK = "▁".encode()

_PART_BYTES = 1 << 18  # of text that a thread takes at once
_NO_ORIGINS = np.empty(0, np.int64)


class CharsMap:
    """Rules that replace characters, leftmost longest first: a compiled map of sentencepiece.

    ``blob`` is the size of a Darts double array (4 bytes), the array, and the strings that its
    values point into; empty for no rules. Raises SeqtoolError for a damaged one.
    """

    def __init__(self, blob: bytes = b"") -> None:
        self.blob = blob
        size = int.from_bytes(blob[:4], "little")
        if blob and (size % 4 != 0 or size == 0 or 4 + size > len(blob)):
            raise SeqtoolError(
                f"damaged map of characters: it has {len(blob):,} bytes and promises a table of "
                f"{size:,}"
            )
        self.units = np.frombuffer(blob[4 : 4 + size], "<u4").astype(np.uint32, copy=False)
        self.strings = np.frombuffer(blob[4 + size :], np.uint8)
        self.plain = _plain(self.units)

    def apply(self, batch: Batch, threads: int = 1) -> Batch:
        """The texts with all rules applied; bytes that are not UTF-8 stay as they are."""
        return Metaspace(self, trim=False, prefix=False, mark=False).apply(batch, threads)

    def apply_with_origins(self, batch: Batch, threads: int = 1) -> tuple[Batch, Offsets]:
        """As `Metaspace.apply_with_origins`."""
        rules = Metaspace(self, trim=False, prefix=False, mark=False)
        return rules.apply_with_origins(batch, threads)


class Metaspace:
    """The normalizer of sentencepiece.

    The rules of ``charsmap``; with ``trim`` no spaces at the ends and one where there are
    several; with ``prefix`` a space before every text that is not empty, or, with ``suffix``,
    behind it; with ``mark`` spaces become ▁. Only U+0020 is a space. Pieces in ``defined`` stay
    as they are. With ``repair`` each byte that is not UTF-8 becomes U+FFFD, else it stays.
    """

    def __init__(
        self,
        charsmap: CharsMap | None = None,
        *,
        trim: bool = True,
        prefix: bool = True,
        suffix: bool = False,
        mark: bool = True,
        repair: bool = False,
        defined: Sequence[bytes] = (),
    ) -> None:
        self.charsmap = charsmap or CharsMap()
        self.trim = trim
        self.prefix = prefix
        self.suffix = suffix
        self.mark = mark
        self.repair = repair
        self.defined = tuple(defined)
        self._settings = np.array(
            [trim, prefix and not suffix, prefix and suffix, mark, repair], np.int64
        )
        data = np.frombuffer(b"".join(self.defined) or b"\0", np.uint8)
        starts = np.zeros(len(self.defined) + 1, np.int64)
        np.cumsum([len(piece) for piece in self.defined], out=starts[1:])
        edges = np.zeros(1 << (2 * len(data)).bit_length(), np.int64)
        piece_of = np.full(len(data) + 1, -1, np.int32)
        listed = np.ones(len(self.defined), np.uint8)
        nodes = build_trie(data, starts, listed, edges, len(edges) - 1, piece_of)
        self._trie = edges, len(edges) - 1, piece_of[:nodes].copy()
        self._plain = self.charsmap.plain.reshape(256, 256).copy()
        self._plain[sorted({piece[0] for piece in self.defined if piece})] = 0

    def apply(self, batch: Batch, threads: int = 1) -> Batch:
        """The texts, prepared."""
        return self._apply(batch, threads, False)[0]

    def apply_with_origins(self, batch: Batch, threads: int = 1) -> tuple[Batch, Offsets]:
        """The texts, prepared, and where in ``batch`` each of their bytes comes from.

        ``origins`` (int64, one more than bytes) ends in the length of the data of ``batch``.
        """
        return self._apply(batch, threads, True)

    def _apply(self, batch: Batch, threads: int, with_origins: bool) -> tuple[Batch, Offsets]:
        texts = len(batch.starts) - 1
        cuts = np.searchsorted(batch.starts, np.arange(0, len(batch.data), _PART_BYTES)[1:])
        bounds = np.unique(np.concatenate(([0], cuts, [texts]))).tolist()
        ends = np.zeros(texts, np.int64)
        parts: list[Bytes] = [np.empty(0, np.uint8)] * (len(bounds) - 1)
        origins: list[Offsets] = [_NO_ORIGINS] * (len(bounds) - 1)

        def work(number: int) -> None:
            first, last = bounds[number], bounds[number + 1]
            parts[number], origins[number] = self._prepare(
                batch, first, last, ends[first:last], with_origins
            )

        for_each(range(len(parts)), lambda: work, threads)
        before = 0
        for number, part in enumerate(parts):
            ends[bounds[number] : bounds[number + 1]] += before
            before += len(part)
        data = np.concatenate(parts) if parts else np.empty(0, np.uint8)
        total = np.array([len(batch.data)], np.int64)
        prepared = Batch(data, np.concatenate((np.zeros(1, np.int64), ends)))
        return prepared, np.concatenate([*origins, total]) if with_origins else _NO_ORIGINS

    def _prepare(
        self, batch: Batch, first: int, last: int, ends: Offsets, with_origins: bool
    ) -> tuple[Bytes, Offsets]:
        size = int(batch.starts[last] - batch.starts[first])
        room = 3 * size + 6 * (last - first) + 64
        charsmap = self.charsmap
        while True:
            out = np.empty(room, np.uint8)
            origins = np.empty(room if with_origins else 0, np.int64)
            used = prepare_texts(
                batch.data, batch.starts, first, last, charsmap.units, charsmap.strings,
                self._plain.reshape(-1), *self._trie, self._settings, np.zeros(4, np.int64), out,
                origins, ends,
            )  # fmt: skip
            if used >= 0:
                return out[:used].copy(), origins[:used].copy()
            room *= 2


def _plain(units: npt.NDArray[np.uint32]) -> Bytes:
    """Where an ASCII character before a byte begins no rule: the quick way through most text."""
    plain = np.zeros((256, 256), np.uint8)
    plain[:0x80] = 1
    if len(units) == 0:
        return plain.reshape(-1)
    root = next_units(int(units[0]))
    followers = np.arange(256)
    for byte in range(0x80):
        node = root ^ byte
        if node >= len(units) or int(units[node]) & 0x800000FF != byte:
            continue
        unit = int(units[node])
        places = (node ^ next_units(unit)) ^ followers
        inside = places < len(units)
        labels = units[np.where(inside, places, 0)] & np.uint32(0x800000FF)
        plain[byte] = ~(inside & (labels == followers)) & ((unit >> 8) & 1 == 0)
    return plain.reshape(-1)


@cache
def _default() -> Metaspace:
    return Metaspace()


def metaspace(batch: Batch, threads: int = 1) -> Batch:
    """Texts as a unigram model is trained on: each word begins with ▁ in place of its spaces."""
    return _default().apply(batch, threads)


def split_metaspace(batch: Batch, threads: int = 1) -> Words:
    """Words that begin with ▁."""

    def split(first: int, last: int, ends: Offsets, counts: Offsets) -> int:
        return split_at_marks(batch.data, batch.starts, first, last, ends, counts)

    return split_in_parts(batch, split, threads)


def restore_spaces(text: bytes) -> bytes:
    """What `metaspace` made the text of, with one space between words."""
    text = text.replace(MARK, b" ")
    return text[1:] if text[:1] == b" " else text
