"""A whole tokenizer: text in, ids out, and back."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from seqtool.errors import SeqtoolError
from seqtool.parallel import for_each
from seqtool.tokenizers.batches import batch_of_texts, blocks_of, join_blocks
from seqtool.tokenizers.specials import (
    BEGIN,
    END,
    PADDING,
    UNKNOWN,
    Finder,
    Special,
    join_segments,
    surround,
)
from seqtool.tokenizers.tokenizer_kernels import join_pieces
from seqtool.tokenizers.types import Batch, Bytes, Encoded, Ids, Model, Offsets

if TYPE_CHECKING:
    from seqtool.tokenizers.preparation import Prepared, WordRules

_NOTHING = Encoded(np.zeros(0, np.int32), np.zeros(1, np.int64))

# How pieces make text: bytes side by side; with "▁" for spaces; words with spaces between.
Form = Literal["bytes", "metaspace", "words", "text"]


class Preparation(Protocol):
    """Normalizer and pre-tokenizer in one."""

    @property
    def rules(self) -> WordRules:
        """How texts are cut into words."""

    def prepare(self, batch: Batch, threads: int, with_origins: bool) -> Prepared:
        """Normalize a batch and cut it into words."""


class Tokenizer:
    """Text into ids of a vocabulary, and back.

    ``names`` says what the pieces are called, in files and for people: no spaces, no two alike.
    ``metadata`` is what made the tokenizer (seqtool's version, arguments, corpus).
    """

    def __init__(
        self,
        model: Model,
        preparation: Preparation,
        names: Sequence[str],
        form: Form,
        specials: Sequence[Special] = (),
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        self.model = model
        self.preparation = preparation
        self.names = names
        self.form = form
        self.specials = list(specials)
        self.metadata = dict(metadata or {})
        self._always = Finder([special for special in specials if special.always])
        self._all = Finder(self.specials)

    # --- the vocabulary -----------------------------------------------------------------------

    @property
    def vocab_size(self) -> int:
        """How many ids there are: from 0 to this, without a gap."""
        return len(self.names)

    @cached_property
    def _id_of(self) -> dict[str, int]:
        return {name: number for number, name in enumerate(self.names)}

    def id_of(self, name: str) -> int | None:
        """The id of the piece that is called so; None if there is none."""
        return self._id_of.get(name)

    def piece_of(self, number: int) -> str:
        """What the piece of an id is called."""
        return self.names[number]

    @property
    def unknown(self) -> int | None:
        """The id of what no piece covers."""
        return self.id_of(UNKNOWN)

    # --- encoding -----------------------------------------------------------------------------

    def encode_batch(
        self,
        texts: Sequence[str | bytes] | Batch,
        threads: int = 1,
        bos: bool = False,
        eos: bool = False,
        with_ends: bool = False,
        match_special: bool = False,
    ) -> Encoded:
        """Ids of texts. ``bos`` and ``eos`` put ``<s>`` before and ``</s>`` behind each.

        ``with_ends`` tells where each token ends in the bytes of the texts side by side.
        ``match_special`` finds special tokens in the text, which else is text like any other.
        Raises SeqtoolError for text that the model has no ids for.
        """
        blocks = blocks_of(as_batch(texts))
        found: list[Encoded] = [_NOTHING] * len(blocks)

        def encode(part: Batch) -> Encoded:
            prepared = self.preparation.prepare(part, 1, with_ends)
            encoded = self.model.encode(prepared.batch, prepared.words, with_ends=with_ends)
            return _in_original(encoded, prepared, part)

        def encode_block(number: int) -> None:
            found[number] = self._around(blocks[number], encode, bos, eos, match_special)

        for_each(range(len(blocks)), lambda: encode_block, threads)
        return found[0] if len(blocks) == 1 else join_blocks(blocks, found)

    def sample(
        self,
        texts: Sequence[str | bytes] | Batch,
        amount: float,
        seed: int | np.random.Generator = 1,
        bos: bool = False,
        eos: bool = False,
        with_ends: bool = False,
        match_special: bool = False,
    ) -> Encoded:
        """Ids of random cuts of texts, for regularisation.

        BPE: each merge is left out with chance ``amount``; unigram: a cut has a chance in
        proportion to P(x)**``amount``. Raises SeqtoolError for other models.
        """
        draw = getattr(self.model, "sample", None)
        if draw is None:
            raise SeqtoolError(f"a {self.model.kind} model has one cut of a text: none to draw")
        random = np.random.default_rng(seed)
        batch = as_batch(texts)

        def encode(part: Batch) -> Encoded:
            prepared = self.preparation.prepare(part, 1, with_ends)
            encoded: Encoded = draw(
                prepared.batch, prepared.words, amount, random, with_ends=with_ends
            )
            return _in_original(encoded, prepared, part)

        return self._around(batch, encode, bos, eos, match_special)

    def nbest(
        self, text: str | bytes, count: int, bos: bool = False, eos: bool = False
    ) -> list[tuple[Ids, float]]:
        """The best ``count`` cuts of a text, the best first, with their log-probabilities.

        Raises SeqtoolError for models other than unigram.
        """
        best = getattr(self.model, "nbest", None)
        if best is None:
            raise SeqtoolError(f"a {self.model.kind} model has one cut of a text: no n best")
        prepared = self.preparation.prepare(as_batch([text]), 1, False)
        before = [self._needed(BEGIN)] if bos else []
        behind = [self._needed(END)] if eos else []
        return [
            (np.array([*before, *ids, *behind], np.int32), score)
            for ids, score in best(prepared.batch, prepared.words, count)
        ]

    def _around(
        self, batch: Batch, encode: Any, bos: bool, eos: bool, match_special: bool
    ) -> Encoded:
        """Encode what is between special tokens, and put them in between and around."""
        finder = self._all if match_special else self._always
        found = finder.find(batch)
        if found is None:
            encoded = encode(batch)
        else:
            encoded = join_segments(found, encode(found.batch), len(batch.starts) - 1)
        first = self._needed(BEGIN) if bos else None
        last = self._needed(END) if eos else None
        return surround(encoded, first, last, batch) if bos or eos else encoded

    def _needed(self, name: str) -> int:
        number = self.id_of(name)
        if number is None:
            raise SeqtoolError(f"the tokenizer has no {name}: train it with --special '{name}'")
        return number

    # --- decoding -----------------------------------------------------------------------------

    def decode_batch(self, ids: Ids, starts: Offsets) -> list[bytes]:
        """The texts of ids: text i is that of ``ids[starts[i]:starts[i + 1]]``.

        Byte-level models give the bytes that were encoded. ``<s>``, ``</s>`` and ``<pad>`` give
        nothing. Raises SeqtoolError for an id that is not in the vocabulary.
        """
        ids = np.ascontiguousarray(ids, np.int32)
        if len(ids) and (ids.min() < 0 or ids.max() >= self.vocab_size):
            wrong = ids[(ids < 0) | (ids >= self.vocab_size)][0]
            raise SeqtoolError(f"the id {wrong} is not in the vocabulary of {self.vocab_size:,}")
        arena, piece_starts = self._decoded
        lengths = np.zeros(len(ids) + 1, np.int64)
        np.cumsum((piece_starts[1:] - piece_starts[:-1])[ids], out=lengths[1:])
        out = np.empty(int(lengths[-1]), np.uint8)
        join_pieces(ids, arena, piece_starts, out)
        data = out.tobytes()
        bounds = lengths[np.asarray(starts)].tolist()
        texts = [data[a:b] for a, b in itertools.pairwise(bounds)]
        if self.form in ("metaspace", "words"):
            texts = [text[1:] if text[:1] == b" " else text for text in texts]
        return texts

    @cached_property
    def _decoded(self) -> tuple[Bytes, Offsets]:
        """What each id adds to a text, side by side, and where each begins."""
        silent = {self.id_of(name) for name in (BEGIN, END, PADDING)}
        special = {special.id: special.text.encode() for special in self.specials}
        parts: list[bytes] = []
        for number in range(self.vocab_size):
            if number in silent:
                parts.append(b"")
            elif number in special:
                parts.append((b" " if self.form == "words" else b"") + special[number])
            else:
                parts.append(self._text_of(self.model.pieces[number]))
        starts = np.zeros(len(parts) + 1, np.int64)
        np.cumsum([len(part) for part in parts], out=starts[1:])
        return np.frombuffer(b"".join(parts) or b"\0", np.uint8), starts

    def _text_of(self, piece: bytes) -> bytes:
        if self.form == "words":
            return b" " + piece
        return piece.replace("▁".encode(), b" ") if self.form == "metaspace" else piece

    def one_hot(self, ids: Ids) -> npt.NDArray[np.float32]:
        """A row an id, float32 (ids, vocab_size): 1 in the column of the id, else 0."""
        rows = np.zeros((len(ids), self.vocab_size), np.float32)
        rows[np.arange(len(ids)), ids] = 1
        return rows


def as_batch(texts: Sequence[str | bytes] | Batch) -> Batch:
    """Texts side by side; a batch as it is."""
    return texts if isinstance(texts, Batch) else batch_of_texts(texts)


def _in_original(encoded: Encoded, prepared: Prepared, batch: Batch) -> Encoded:
    """Ends of tokens in the text as it was before it was normalized."""
    if encoded.ends is None or prepared.origins is None:
        return encoded
    last = np.repeat(batch.starts[1:], np.diff(encoded.starts))
    return encoded._replace(ends=np.minimum(prepared.origins[encoded.ends], last))
