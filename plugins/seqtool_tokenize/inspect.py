"""`seqtool tokenize inspect`: how well a tokenizer fits a text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TextIO

import numpy as np

from seqtool.errors import SeqtoolError
from seqtool.output import open_output
from seqtool.progress import Progress
from seqtool.tokenizers.tokenizer import Tokenizer
from seqtool.tokenizers.types import Offsets
from seqtool_tokenize.lines import Lines, read_lines
from seqtool_tokenize.load import load_model

_LONGEST = 10  # how many of the longest tokens are shown
_BARS = 16  # lengths of the histogram; the last bar is for all that are longer
_BAR = 40  # characters of the longest bar
_BLOCK = "█"


class _Figures:
    """What is added up over the lines."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.used: Offsets = np.zeros(tokenizer.vocab_size, np.int64)
        self.lengths: Offsets = np.zeros(_BARS + 1, np.int64)
        self.lines = self.words = self.characters = self.bytes = 0

    def add(self, lines: Lines, threads: int) -> None:
        """Take some lines in."""
        batch = lines.batch()
        encoded = self.tokenizer.encode_batch(batch, threads, with_ends=True)
        assert encoded.ends is not None
        self.used += np.bincount(encoded.ids, minlength=len(self.used))
        before = np.zeros(len(batch.data) + 1, np.int64)
        np.cumsum((batch.data & 0xC0) != 0x80, out=before[1:])
        begins = np.concatenate(([0], encoded.ends[:-1]))
        filled = np.diff(encoded.starts) > 0
        begins[encoded.starts[:-1][filled]] = batch.starts[:-1][filled]
        spans = before[encoded.ends] - before[begins]
        self.lengths += np.bincount(np.minimum(spans, _BARS), minlength=_BARS + 1)
        self.lines += len(batch.starts) - 1
        self.words += len(lines.text.split())
        self.characters += int(before[-1])
        self.bytes += len(batch.data)

    def report(self) -> dict[str, Any]:
        """All figures by name, fit for JSON."""
        tokens = int(self.used.sum())
        unknown = self.tokenizer.unknown
        used = np.flatnonzero(self.used)
        names = self.tokenizer.names
        longest = sorted(used.tolist(), key=lambda number: (-len(names[number]), names[number]))
        return {
            "model": self.tokenizer.model.kind,
            "vocabulary": self.tokenizer.vocab_size,
            "lines": self.lines,
            "words": self.words,
            "characters": self.characters,
            "bytes": self.bytes,
            "tokens": tokens,
            "tokens_per_word": _ratio(tokens, self.words),
            "characters_per_token": _ratio(self.characters, tokens),
            "bytes_per_token": _ratio(self.bytes, tokens),
            "unknown": 0 if unknown is None else int(self.used[unknown]),
            "unknown_rate": _ratio(0 if unknown is None else int(self.used[unknown]), tokens),
            "pieces_used": len(used),
            "share_used": _ratio(len(used), self.tokenizer.vocab_size),
            "longest_tokens": [names[number] for number in longest[:_LONGEST]],
            "token_lengths": self.lengths.tolist(),
        }


def _ratio(part: int, whole: int) -> float | None:
    return round(part / whole, 6) if whole else None


def run_inspect(files: Sequence[str], settings: Mapping[str, Any]) -> None:
    """Inspect files. Raises SeqtoolError."""
    figures = _Figures(load_model(settings))
    with Progress("encoding", "bytes", quiet=settings["quiet"]) as progress:
        for lines in read_lines(files, settings["errors"]):
            try:
                figures.add(lines, settings["threads"])
            except SeqtoolError as error:
                raise SeqtoolError(f"{lines.place(0)}: {error}") from error
            progress.advance(len(lines.text))
    report = figures.report()
    with open_output(settings["output"]) as out:
        if settings["format"] == "json":
            import json

            json.dump(report, out, ensure_ascii=False, allow_nan=False, indent=2)
            out.write("\n")
        else:
            _write_text(report, out)


def _write_text(report: Mapping[str, Any], out: TextIO) -> None:
    for name in ("model", "vocabulary", "lines", "words", "characters", "bytes", "tokens"):
        value = report[name]
        _field(out, name, f"{value:,}" if isinstance(value, int) else value)
    for name in ("tokens_per_word", "characters_per_token", "bytes_per_token"):
        value = report[name]
        _field(out, name.replace("_per_", " a ").replace("_", " "), _number(value, 1, 3, ""))
    _field(out, "unknown tokens", _number(report["unknown_rate"], 100, 3, "%"))
    share = _number(report["share_used"], 100, 1, "%")
    _field(out, "pieces used", f"{report['pieces_used']:,} ({share})")
    _field(out, "longest tokens", " ".join(report["longest_tokens"]))
    out.write("\ncharacters of tokens\n")
    lengths = report["token_lengths"]
    for length, count in enumerate(lengths):
        if count:
            label = f"{length}+" if length == _BARS else f"{length} "
            bar = _BLOCK * max(1, round(_BAR * count / max(lengths)))
            out.write(f"{label:>4} {bar:<{_BAR}} {count:,}\n")


def _field(out: TextIO, name: str, value: str) -> None:
    out.write(f"{name:<20} {value}".rstrip() + "\n")


def _number(value: float | None, factor: int, decimals: int, unit: str) -> str:
    return "-" if value is None else f"{factor * value:.{decimals}f}{unit}"
