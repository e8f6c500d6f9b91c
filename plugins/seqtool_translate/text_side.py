"""One language of a translation model: text into ids, and ids into text."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seqtool.tokenizers.batches import batch_of_texts
from seqtool.tokenizers.specials import BEGIN, END, surround
from seqtool.tokenizers.tokenizer import Tokenizer
from seqtool.tokenizers.types import Encoded, Ids, Offsets

MARKS = (BEGIN, END)  # of sentences


class TextSide:
    """A tokenizer, and the marks where sentences begin and end.

    Ids are those of the tokenizer; ``<s>`` and ``</s>`` come behind where it has none.

    Attributes:
        names: what ids are called, (vocabulary,).
        begin: the id that is read before a sentence.
        end: the id behind a sentence.
        unknown: the id of ``<unk>``; None if the tokenizer has none, for it needs none.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        names = list(tokenizer.names)
        self.names = names + [mark for mark in MARKS if mark not in names]
        self.begin, self.end = (self.names.index(mark) for mark in MARKS)
        self.unknown = tokenizer.unknown

    @property
    def vocab_size(self) -> int:
        """How many ids there are."""
        return len(self.names)

    def silent(self) -> list[int]:
        """Ids that are neither text, nor ``<unk>``, nor the end of a sentence."""
        special = {special.id for special in self.tokenizer.specials if not special.always}
        return sorted({*special, self.begin} - {self.end, self.unknown})

    def encode(
        self,
        lines: Sequence[str],
        dropout: float = 0.0,
        seed: int | np.random.Generator = 1,
        threads: int = 1,
    ) -> Encoded:
        """Ids of lines without the white space around them, ``end`` behind each.

        With ``dropout`` each merge of a BPE tokenizer is left out with this chance (BPE-dropout,
        Provilkov et al. 2020, section 3), as ``seed`` decides. Raises SeqtoolError for text that
        the tokenizer has no ids for, and for dropout with another kind of tokenizer.
        """
        batch = batch_of_texts([line.strip() for line in lines])
        if dropout:
            encoded = self.tokenizer.sample(batch, dropout, seed)
        else:
            encoded = self.tokenizer.encode_batch(batch, threads)
        return surround(encoded, None, self.end, batch)

    def decode(self, ids: Ids) -> str:
        """The text of ids; see `decode_batch`."""
        return self.decode_batch(ids, np.array([0, len(ids)]))[0]

    def decode_batch(self, ids: Ids, starts: Offsets) -> list[str]:
        """The texts of ids, text i being that of ``ids[starts[i]:starts[i + 1]]``.

        The marks of sentences give nothing. A text has no line break; bytes that are no UTF-8 are
        U+FFFD.
        """
        kept = (ids != self.begin) & (ids != self.end)
        before = np.append(0, np.cumsum(kept))
        texts = self.tokenizer.decode_batch(ids[kept], before[starts])
        return [_one_line(text) for text in texts]


def _one_line(text: bytes) -> str:
    return text.decode("utf-8", "replace").replace("\n", " ").replace("\r", " ").strip()
