"""ARPA files of n-gram models: the text format that other programs read and write."""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from seqtool.errors import SeqtoolError
from seqtool.ngrams.arpa_kernels import MOST_DECIMALS, write_lines
from seqtool.ngrams.arpa_reader import Reader
from seqtool.ngrams.model import NgramModel
from seqtool.output import open_binary_output
from seqtool.tokenizers.visible import text_to_visible

WRITE_BYTES = 1 << 20
_BLANKS = " \t\n\r\v\f\0"


def read_arpa(path: str) -> NgramModel:
    """Read an ARPA file, compressed (by its name's ending) or not; ``-`` is stdin.

    The words of the model are its 1-grams in their order; ``<unk>`` with a log10 probability of
    -100 is added where it is missing. Log10 values nearer to 0 than 1e-13 are taken for 0.
    Raises SeqtoolError for a file that is damaged or lacks ``<s>`` or ``</s>``.
    """
    return Reader(path).read()


def write_arpa(path: str | None, model: NgramModel, names: Sequence[str] | None = None) -> None:
    """Write an ARPA file, whole or not at all; None and ``-`` are stdout.

    ``names`` are what the words are called in the file, by default the words themselves. What is
    printed gives the same float32 numbers when it is read. Raises SeqtoolError for names that
    such a file cannot hold: empty ones, ones with white space, and two that are the same.
    """
    names = model.vocabulary if names is None else names
    _check_names(model, names)
    with open_binary_output(path) as file:
        lines = "".join(f"ngram {n}={count}\n" for n, count in enumerate(model.counts, start=1))
        file.write(f"\\data\\\n{lines}\n".encode())
        writer = _Writer(model, names)
        for length in range(1, model.order + 1):
            file.write(f"\\{length}-grams:\n".encode())
            writer.write(file, length)
            file.write(b"\n")
        file.write(b"\\end\\\n")


def visible_names(words: Sequence[str]) -> list[str]:
    """Names without white space, for words of which some have it, such as single characters.

    They are those of `seqtool.tokenizers.visible` (a space is "▁"), and its ``visible_to_text``
    gives the words back. Words of which none has white space are left as they are.
    """
    if not any(_has_blank(word) for word in words):
        return list(words)
    return [
        "".join(f"<U+{ord(c):04X}>" if c in _BLANKS else c for c in text_to_visible(word))
        for word in words
    ]


def _has_blank(word: str) -> bool:
    return any(blank in word for blank in _BLANKS)


def _check_names(model: NgramModel, names: Sequence[str]) -> None:
    known = np.flatnonzero(model.known).tolist()
    for word in known:
        if not names[word] or _has_blank(names[word]):
            raise SeqtoolError(
                f"an ARPA file cannot hold the word {names[word]!r}: it is empty or has white space"
            )
    if len({names[word] for word in known}) < len(known):
        raise SeqtoolError("an ARPA file cannot hold two words of the same name")


class _Writer:
    """Prints n-grams order by order."""

    def __init__(self, model: NgramModel, names: Sequence[str]) -> None:
        self._trie = model.trie
        try:
            encoded = [name.encode("utf-8") for name in names]
        except UnicodeEncodeError as error:
            raise SeqtoolError(
                f"a word that is not valid Unicode cannot be written: {error}"
            ) from None
        self._names: NDArray[np.uint8] = np.frombuffer(b"".join(encoded), np.uint8)
        lengths = [len(name) for name in encoded]
        self._name_starts = np.cumsum([0, *lengths]).astype(np.int64)
        self._longest = max(lengths)
        self._powers = np.array([10.0**power for power in range(MOST_DECIMALS + 1)])

    def write(self, file: BinaryIO, length: int) -> None:
        """The n-grams of ``length`` words."""
        trie = self._trie
        out = np.empty(max(WRITE_BYTES, length * (self._longest + 1) + 128), np.uint8)
        path = np.append(trie.levels[:-1], 0).astype(np.int32)
        state = trie.levels[length : length + 1].copy()
        last = int(trie.levels[length + 1])
        while state[0] < last:
            size = write_lines(
                length, int(state[0]), last, self._longest, trie.words, trie.first_child,
                trie.probs, trie.backoffs, self._names, self._name_starts, self._powers,
                np.empty(1, np.float32), path, out, state,
            )  # fmt: skip
            file.write(out[:size].data)
