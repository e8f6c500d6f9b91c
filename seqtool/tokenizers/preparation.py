"""What is done to a text before the model: it is normalized and cut into words."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np

from seqtool.errors import SeqtoolError
from seqtool.tokenizers.metaspace import MARK, Metaspace, split_metaspace
from seqtool.tokenizers.normalize import FORMS, Normalizer
from seqtool.tokenizers.pretokenize import Pretokenizer
from seqtool.tokenizers.types import Batch, Offsets, Words


class WordRules(NamedTuple):
    """How a text is cut into words.

    ``kind``: a name of `seqtool.tokenizers.pretokenize.KINDS`; ``byte_level``: bytes are shown as
    visible characters; ``trims``: white space around words is dropped; ``metaspace``: when "▁" is
    put before a text ("always", "first" or "never"; None: spaces stay spaces), and whether words
    are ``split`` at it.
    """

    kind: str = "none"
    byte_level: bool = False
    trims: bool = False
    metaspace: str | None = None
    splits: bool = True


class Prepared(NamedTuple):
    """A batch made ready for the model, and for each of its bytes where it came from.

    ``origins`` int64 (bytes + 1): the place in the original data; None where nothing moved.
    """

    batch: Batch
    words: Words
    origins: Offsets | None


class TextPreparation:
    """A normalizer and a pre-tokenizer."""

    def __init__(self, normalizer: Normalizer, rules: WordRules) -> None:
        self.normalizer = normalizer
        self.rules = rules

    @cached_property
    def _pretokenizer(self) -> Pretokenizer:
        return Pretokenizer(self.rules.kind)

    def prepare(self, batch: Batch, threads: int, with_origins: bool) -> Prepared:
        """Normalize a batch and cut it into words."""
        origins = None
        if with_origins:
            batch, origins = self.normalizer.apply_with_origins(batch)
        else:
            batch = self.normalizer.apply(batch)
        return Prepared(batch, self._pretokenizer.split(batch, threads), origins)


def normalizer_of_steps(steps: Sequence[str]) -> Normalizer:
    """A normalizer that does these steps, and nothing else.

    Raises SeqtoolError for steps that it cannot do one behind the other.
    """
    lowercase, strips = "lowercase" in steps, "strip_accents" in steps
    forms = [step for step in steps if step in (*FORMS, "nfd")]
    if len(forms) > 1 and not lowercase and not strips:
        raise SeqtoolError(f"normalization {' and then '.join(forms)} is not supported")
    normalizer = Normalizer("none", lowercase, strips)
    normalizer.steps = tuple(steps)
    if forms and not lowercase and not strips:
        normalizer.form = forms[0]
    return normalizer


class MetaspacePreparation:
    """A normalizer, then sentencepiece's: words begin with "▁" in place of a space.

    With ``once`` a text that begins with a space or "▁" gets no other before it, as in Hugging
    Face's Metaspace; ``metaspace`` must put one before every text then.
    """

    def __init__(
        self, normalizer: Normalizer, metaspace: Metaspace, splits: bool = True, once: bool = False
    ) -> None:
        self.normalizer = normalizer
        self.metaspace = metaspace
        self.once = once
        before = "always" if metaspace.prefix else "never"
        self.rules = WordRules(metaspace=before, splits=splits)

    def prepare(self, batch: Batch, threads: int, with_origins: bool) -> Prepared:
        """Normalize a batch and cut it into words."""
        if with_origins:
            batch, first = self.normalizer.apply_with_origins(batch)
            batch, second = self.metaspace.apply_with_origins(batch, threads)
            origins = first[second]
        else:
            batch = self.metaspace.apply(self.normalizer.apply(batch), threads)
            origins = None
        if self.once:
            batch, origins = _without_second_marks(batch, origins)
        if self.rules.splits:
            return Prepared(batch, split_metaspace(batch, threads), origins)
        texts = len(batch.starts) - 1
        filled = np.flatnonzero(np.diff(batch.starts))
        starts = np.searchsorted(filled, np.arange(texts + 1)).astype(np.int64)
        return Prepared(batch, Words(batch.starts[1:][filled], starts), origins)


def _without_second_marks(batch: Batch, origins: Offsets | None) -> tuple[Batch, Offsets | None]:
    """Texts that begin with two marks without the first of them."""
    size = len(MARK)
    begins = batch.starts[:-1]
    double = np.diff(batch.starts) >= 2 * size
    places = begins[double]
    for i, byte in enumerate(MARK + MARK):
        places = places[batch.data[places + i] == byte]
    keep = np.ones(len(batch.data), bool)
    for i in range(size):
        keep[places + i] = False
    shift = np.zeros(len(batch.starts), np.int64)
    shift[1:] = size * np.isin(begins, places, assume_unique=False) * double
    moved = Batch(batch.data[keep], batch.starts - np.cumsum(shift))
    return moved, None if origins is None else origins[np.append(keep, True)]
