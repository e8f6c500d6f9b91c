"""Making texts alike before they are cut: Unicode normalization, lower case, no accents."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import groupby
from typing import Literal, cast

import numpy as np

from seqtool.errors import SeqtoolError
from seqtool.tokenizers.batches import batch_of_texts
from seqtool.tokenizers.types import Batch, Offsets

Form = Literal["NFC", "NFD", "NFKC"]

_LONG_TEXT = 4096  # characters

# ASCII that no mark follows; other characters, and the one of ASCII that they may be marks of.
_BLOCKS = re.compile(r"[\0-\x7f]+(?=[\0-\x7f])|[\0-\x7f]?[^\0-\x7f]+|[\0-\x7f]")

FORMS = ("none", "nfc", "nfkc")


def _lowercase(text: str) -> str:
    """Each character by itself: a capital sigma that ends a word becomes no final sigma."""
    return text.replace("Σ", "σ").lower()


class _WithoutMarks(dict[int, int | None]):
    """A table for `str.translate` that takes combining marks out; it fills as it is used."""

    def __missing__(self, code: int) -> int | None:
        self[code] = None if unicodedata.category(chr(code)).startswith("M") else code
        return self[code]


_without_marks = _WithoutMarks()


def _ordered(text: str) -> str:
    """Combining marks in canonical order, for which unicodedata takes quadratic time."""
    classes = list(map(unicodedata.combining, text))
    parts: list[str] = []
    for _, run in groupby(range(len(text)), key=lambda at: classes[at] > 0):
        parts.extend(text[at] for at in sorted(run, key=classes.__getitem__))
    return "".join(parts)


def _decoded(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


class Normalizer:
    """What is done to a text, in this order.

    The Unicode normalization ``form``; lower case, character by character; accents off: all
    combining marks of the text in NFD. After either of the last two the text is brought into the
    form again (NFC after stripping, if the form is ``none``). ``steps`` names what is done, out
    of nfc, nfkc, nfd, lowercase and strip_accents. Bytes that are not UTF-8 stay as they are.
    Raises SeqtoolError for another form.
    """

    def __init__(
        self, form: str = "none", lowercase: bool = False, strip_accents: bool = False
    ) -> None:
        if form not in FORMS:
            raise SeqtoolError(f"no normalization {form!r}: choose one of {', '.join(FORMS)}")
        self.form = form
        self.lowercase = lowercase
        self.strip_accents = strip_accents
        steps = [] if form == "none" else [form]
        last = list(steps) if lowercase or strip_accents else []
        if lowercase:
            steps.append("lowercase")
        if strip_accents:
            steps += ["nfd", "strip_accents"]
            last = last or ["nfc"]
        self.steps = (*steps, *last)

    def text(self, text: str) -> str:
        """One text, normalized."""
        if text.isascii():
            return text.lower() if self.lowercase else text
        if len(text) > _LONG_TEXT and self.steps[-1:] not in ((), ("lowercase",)):
            text = _ordered(text)
        for step in self.steps:
            if step == "lowercase":
                text = _lowercase(text)
            elif step == "strip_accents":
                text = text.translate(_without_marks)
            else:
                text = unicodedata.normalize(cast(Form, step.upper()), text)
        return text

    def apply(self, batch: Batch) -> Batch:
        """A batch of the normalized texts."""
        if self._leaves(batch):
            return batch
        parts: list[bytes] = []
        lengths = np.diff(batch.starts)
        data = batch.data.tobytes()
        done = 0
        for number in _texts_beyond_ascii(batch):
            begin, end = batch.starts[number], batch.starts[number + 1]
            parts.append(self._ascii(data[done:begin]))
            parts.append(_encoded(self.text(_decoded(data[begin:end]))))
            lengths[number] = len(parts[-1])
            done = end
        parts.append(self._ascii(data[done:]))
        starts = np.concatenate(([0], np.cumsum(lengths)))
        return Batch(np.frombuffer(b"".join(parts), np.uint8), starts)

    def apply_with_origins(self, batch: Batch) -> tuple[Batch, Offsets]:
        """The normalized texts, and where in ``batch`` each of their bytes comes from.

        Byte k of the normalized data comes from a character that begins at ``origins[k]`` of the
        data of ``batch``, or from several of which it is the first; the first byte of a text comes
        from where the text begins. ``origins`` (int64) has one number more, the length of that
        data. A byte of a character that is as it was is its own origin.
        """
        if self._leaves(batch):
            return batch, np.arange(len(batch.data) + 1)
        texts: list[bytes] = []
        origins = [np.empty(0, np.int64)]
        data = batch.data.tobytes()
        beyond_ascii = set(_texts_beyond_ascii(batch))
        for number in range(len(batch.starts) - 1):
            begin, end = int(batch.starts[number]), int(batch.starts[number + 1])
            if number not in beyond_ascii:
                texts.append(self._ascii(data[begin:end]))
                origins.append(np.arange(begin, end))
                continue
            text, text_origins = self._text_with_origins(_decoded(data[begin:end]))
            texts.append(text)
            origins.append(np.array(text_origins, np.int64) + begin)
        origins.append(np.array([len(data)], np.int64))
        return batch_of_texts(texts), np.concatenate(origins)

    def _text_with_origins(self, text: str) -> tuple[bytes, list[int]]:
        parts: list[bytes] = []
        origins: list[int] = []
        at = 0
        for block in _BLOCKS.findall(text):
            for piece in (block,) if block.isascii() else self._pieces(block):
                before = _encoded(piece)
                after = _encoded(self.text(piece))
                parts.append(after)
                if before == after or piece.isascii():
                    origins.extend(range(at, at + len(before)))
                else:
                    origins.extend([at] * len(after))
                at += len(before)
        origins[:1] = [0] * len(origins[:1])
        return b"".join(parts), origins

    def _pieces(self, text: str) -> Iterator[str]:
        """The shortest pieces whose normalized forms make up that of the text."""
        begin = 0
        for at in range(1, len(text)):
            if self._may_begin(text[at]):
                before = text[begin:at]
                if self.text(before + text[at]) == self.text(before) + self.text(text[at]):
                    yield before
                    begin = at
        if text:
            yield text[begin:]

    def _may_begin(self, character: str) -> bool:
        """Whether a character is a starter and stays one; others join what is before them."""
        if character.isascii():
            return True
        first = unicodedata.normalize("NFKD", character)[0]
        return unicodedata.combining(first) == 0 and self.text(character) != ""

    def _leaves(self, batch: Batch) -> bool:
        """Whether nothing is to be done."""
        if not self.steps:
            return True
        return not self.lowercase and not (batch.data >= 0x80).any()

    def _ascii(self, text: bytes) -> bytes:
        return text.lower() if self.lowercase else text


def _texts_beyond_ascii(batch: Batch) -> list[int]:
    """The numbers of the texts that have a byte over 127."""
    places = np.flatnonzero(batch.data >= 0x80)
    numbers = np.unique(np.searchsorted(batch.starts, places, side="right") - 1)
    return [int(number) for number in numbers]
