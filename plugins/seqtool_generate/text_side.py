"""The text side of a language model: text into ids, ids into text, and where a text begins."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from seqtool.errors import SeqtoolError
from seqtool.tokenizers.batches import batch_of_lines, batch_of_texts
from seqtool.tokenizers.normalize import Normalizer
from seqtool.tokenizers.preparation import TextPreparation, WordRules
from seqtool.tokenizers.specials import BEGIN, END, UNKNOWN, Special, surround
from seqtool.tokenizers.tokenizer import Tokenizer
from seqtool.tokenizers.types import Batch, Encoded
from seqtool.tokenizers.visible import visible_to_text
from seqtool.tokenizers.word_model import CharModel, WordModel

Ids = NDArray[np.int32]
Offsets = NDArray[np.int64]

MARKS = (UNKNOWN, BEGIN, END)
_NEWLINE = b"\n"
_NEWLINE_BYTE = 10


class Texts(NamedTuple):
    """Ids of some texts: text i is ``ids[starts[i]:starts[i + 1]]``; no start or end among them."""

    ids: Ids
    starts: Offsets


class TextSide:
    """A tokenizer, and what a model takes for a text.

    A model of ``lines`` knows lines: each is a sequence from ``<s>`` to ``</s>``. Any other model
    knows a stream, in which a line ends in a newline (``newline_inside``) if the tokenizer has a
    piece for it, or else in ``</s>``. The stream is taken to begin behind the end of a line.

    Ids are those of the tokenizer; ``<unk>``, ``<s>`` and ``</s>`` come behind where it has none.

    Attributes:
        names: what ids are called, (vocabulary,).
        unknown: the id of ``<unk>``.
        start: what a model reads first.
        end: what ends a line, unless the newline inside does: then it is None.
    """

    def __init__(self, tokenizer: Tokenizer, lines: bool) -> None:
        self.tokenizer = tokenizer
        self.lines = lines
        names = list(tokenizer.names)
        self.names = names + [mark for mark in MARKS if mark not in names]
        self.unknown, begin, end = (self.names.index(mark) for mark in MARKS)
        newline = None if lines else self._newline()
        self.newline_inside = newline is not None
        self.start = begin if lines else end if newline is None else newline
        self.end = None if newline is not None else end

    def _newline(self) -> int | None:
        """The id of a newline, if the tokenizer has one."""
        if self.spaced:
            return None
        try:
            ids = self.tokenizer.encode_batch([_NEWLINE]).ids.tolist()
        except SeqtoolError:  # it has neither that nor <unk>
            return None
        return ids[0] if len(ids) == 1 and ids[0] != self.unknown else None

    @property
    def vocab_size(self) -> int:
        """How many ids there are."""
        return len(self.names)

    @cached_property
    def pieces(self) -> list[bytes]:
        """What each id adds to a text; words have a space before them."""
        tokenizer = self.tokenizer
        size = tokenizer.vocab_size
        alone = tokenizer.decode_batch(np.arange(size, dtype=np.int32), np.arange(size + 1))
        # The first space of a text is dropped, so every id is decoded behind another one.
        first = next((number for number, text in enumerate(alone) if text), 0)
        pairs = np.stack([np.full(size, first), np.arange(size)], axis=1)
        both = tokenizer.decode_batch(pairs.reshape(-1).astype(np.int32), np.arange(size + 1) * 2)
        skip = len(alone[first])
        pieces = [text[skip:] for text in both]
        pieces += [UNKNOWN.encode() if mark == UNKNOWN else b"" for mark in self.names[size:]]
        if self.end is not None:
            pieces[self.end] = b"" if self.lines else _NEWLINE
        return pieces

    @property
    def spaced(self) -> bool:
        """Whether words bring the space before them, which is dropped where a line begins."""
        return self.tokenizer.form in ("words", "metaspace")

    def banned(self, allow_unknown: bool) -> list[int]:
        """Ids that are no text and do not end one."""
        marks = {self.names.index(mark) for mark in MARKS}
        marks |= {special.id for special in self.tokenizer.specials if not special.always}
        marks -= {self.end, self.unknown}
        return sorted(marks if allow_unknown else {*marks, self.unknown})

    # --- text into ids ------------------------------------------------------------------------

    def encode_block(self, block: bytes, threads: int = 1) -> Texts:
        """Lines of text, each of which ends in a newline; a text a line.

        Newlines that are inside belong to their lines.
        """
        batch = _lines_with_newlines(block) if self.newline_inside else batch_of_lines(block)
        encoded = self.tokenizer.encode_batch(batch, threads)
        return Texts(encoded.ids, encoded.starts)

    def encode_prompt(self, prompt: str) -> Ids:
        """What the model reads before it goes on, with ``start``."""
        parts: list[Any] = [[self.start]]
        *whole, last = prompt.split("\n")
        if whole:
            lines = "".join(f"{line}\n" for line in whole).encode("utf-8", "surrogateescape")
            done = self.encode_block(lines)
            parts.append(self.as_stream(done))
        parts.append(self.tokenizer.encode_batch([last]).ids if last else [])
        return np.concatenate(parts).astype(np.int32)

    def unknown_parts(self, text: str) -> list[str]:
        """The characters or words of a text that the vocabulary lacks, each once."""
        batch = batch_of_texts(text.split("\n"))
        encoded = self.tokenizer.encode_batch(batch, with_ends=True)
        if self.tokenizer.unknown is None or encoded.ends is None:
            return []
        data = batch.data.tobytes()
        begins = np.append(0, encoded.ends[:-1])
        wrong = np.flatnonzero(encoded.ids == self.unknown).tolist()
        found = [data[begins[i] : encoded.ends[i]].decode("utf-8", "replace") for i in wrong]
        return list(dict.fromkeys(part.strip() or part for part in found))

    def as_stream(self, texts: Texts) -> Ids:
        """All texts as one, with the ends of lines."""
        if self.end is None:
            return texts.ids
        return _surround(texts, None, self.end).ids

    def as_sequences(self, texts: Texts) -> Texts:
        """Texts with what a model reads first before them, and the ends of lines."""
        return _surround(texts, self.start, self.end)


def _surround(texts: Texts, first: int | None, last: int | None) -> Texts:
    nothing = Batch(np.empty(0, np.uint8), np.zeros(1, np.int64))  # tokens have no places here
    encoded = surround(Encoded(texts.ids, texts.starts), first, last, nothing)
    return Texts(encoded.ids.astype(np.int32, copy=False), encoded.starts)


def _lines_with_newlines(block: bytes) -> Batch:
    data = np.frombuffer(block, np.uint8)
    return Batch(data, np.append(0, np.flatnonzero(data == _NEWLINE_BYTE) + 1))


def with_newline(tokenizer: Tokenizer) -> Tokenizer:
    """A tokenizer of characters that has one for the end of a line, too."""
    model = tokenizer.model
    assert isinstance(model, CharModel)
    pieces = [*model.pieces, _NEWLINE]
    hidden = [special.id for special in tokenizer.specials]
    return Tokenizer(
        CharModel(pieces, model.unknown, hidden),
        tokenizer.preparation,
        [*tokenizer.names, "<U+000A>"],
        "text",
        tokenizer.specials,
        tokenizer.metadata,
    )


def tokenizer_of_names(names: Sequence[str]) -> Tokenizer:
    """The tokenizer of a vocabulary of which nothing else is known, as that of an ARPA file.

    If every name stands for one character, they are characters; else they are words.
    """
    marks = [number for number, name in enumerate(names) if name in MARKS]
    specials = [Special(names[number], number) for number in marks]
    unknown = names.index(UNKNOWN)
    texts = [name if name in MARKS else visible_to_text(name) for name in names]
    if all(len(text) == 1 for number, text in enumerate(texts) if number not in marks):
        characters = CharModel([text.encode() for text in texts], unknown, marks)
        preparation = TextPreparation(Normalizer(), WordRules())
        return Tokenizer(characters, preparation, names, "text", specials)
    words = WordModel([name.encode() for name in names], unknown, marks)
    preparation = TextPreparation(Normalizer(), WordRules("whitespace", trims=True))
    return Tokenizer(words, preparation, names, "words", specials)
