"""Tokens as lines of text or of JSON."""

from __future__ import annotations

import json
from typing import BinaryIO

import numpy as np

from seqtool.tokenizers.names import NamedIds
from seqtool.tokenizers.tokenizer import Tokenizer
from seqtool.tokenizers.types import Batch, Encoded, Ids, Offsets
from seqtool.tokenizers.word_model import WHITE_SPACE


class TextWriter:
    """A line a text: pieces, or ids."""

    def __init__(self, tokenizer: Tokenizer, ids: bool) -> None:
        if ids:
            names = [b"%d" % number for number in range(tokenizer.vocab_size)]
        else:
            names = [name.encode("utf-8", "surrogateescape") for name in tokenizer.names]
        self._names = NamedIds(names)

    def write(self, batch: Batch, encoded: Encoded, out: BinaryIO) -> None:
        """Write texts."""
        out.write(self._names.lines(encoded.ids, encoded.starts))

    def write_scored(self, ids: Ids, score: float, out: BinaryIO) -> None:
        """Write one of several cuts of a text."""
        out.write(self._names.lines(ids, np.array([0, len(ids)], np.int64)))


class JsonWriter:
    """An object a text: ``ids``, ``pieces``, ``offsets`` ([from, to] in characters of the line).

    A piece of part of a character has the place of the whole character.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._names = tokenizer.names
        self._trims = tokenizer.form == "words"

    def write(self, batch: Batch, encoded: Encoded, out: BinaryIO) -> None:
        """Write texts; needs the ends of tokens."""
        assert encoded.ends is not None
        begins = np.zeros(len(encoded.ids), np.int64)
        begins[1:] = encoded.ends[:-1]
        firsts = encoded.starts[:-1][np.diff(encoded.starts) > 0]
        begins[firsts] = batch.starts[:-1][np.diff(encoded.starts) > 0]
        is_lead = (batch.data & 0xC0) != 0x80
        before = np.zeros(len(batch.data) + 1, np.int64)
        np.cumsum(is_lead, out=before[1:])
        inside = np.append(~is_lead, False)
        spans = np.stack([before[begins] - inside[begins], before[encoded.ends]], 1)
        if self._trims:
            _trim(spans, batch)
        line_starts = before[batch.starts]
        for text in range(len(encoded.starts) - 1):
            part = slice(int(encoded.starts[text]), int(encoded.starts[text + 1]))
            ids = encoded.ids[part].tolist()
            record = {
                "ids": ids,
                "pieces": [self._names[number] for number in ids],
                "offsets": (spans[part] - line_starts[text]).tolist(),
            }
            out.write(_json_line(record))

    def write_scored(self, ids: Ids, score: float, out: BinaryIO) -> None:
        """Write one of several cuts of a text: ``score`` is its log-probability."""
        numbers = ids.tolist()
        pieces = [self._names[number] for number in numbers]
        out.write(_json_line({"ids": numbers, "pieces": pieces, "score": score}))


def _trim(spans: Offsets, batch: Batch) -> None:
    """Let each word begin behind the white space before it."""
    text = batch.data.tobytes().decode("utf-8", "surrogateescape")
    for span in spans:
        word = text[span[0] : span[1]]
        span[0] += len(word) - len(word.lstrip(WHITE_SPACE))


def _json_line(record: object) -> bytes:
    return json.dumps(record, ensure_ascii=False, allow_nan=False).encode() + b"\n"
