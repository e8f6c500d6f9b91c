"""Translations as text, TSV and JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

import numpy as np

from seqtool.decode.types import Ids
from seqtool.records import Records
from seqtool.tokenizers.visible import text_to_visible
from seqtool_translate.forcing import Weights
from seqtool_translate.translator import Translation, Translator

if TYPE_CHECKING:
    from seqtool_translate.text_side import TextSide

_DIGITS = 4  # of attention weights


class Answer(NamedTuple):
    """What a line became.

    Attributes:
        line: its number among all lines, from 1.
        source: its text.
        source_ids: int32 (tokens,), with ``</s>``.
        translations: the best first.
        weights: what each translation attends to, float32 (its length, source length), None for
            an empty one; or None altogether.
    """

    line: int
    source: str
    source_ids: Ids
    translations: list[Translation]
    weights: list[Weights | None] | None


class Writer:
    """Writes answers as text: a line a line."""

    def __init__(self, out: TextIO, settings: Mapping[str, Any], translator: Translator) -> None:
        self.out = out
        self.translator = translator
        self.scores = bool(settings["scores"])
        self.attention = bool(settings["attention"])

    def write(self, answer: Answer) -> None:
        """Write what a line became."""
        best = answer.translations[0]
        if not self.scores:
            self.out.write(f"{best.text}\n")
            return
        self.out.write(f"{_cell(best.text)}\t{decimal(best.log_prob)}\t{_numbers(best)}\n")

    def close(self) -> None:
        """Write what ends the result."""


class TsvWriter(Writer):
    """A row a translation, with a header."""

    def __init__(self, out: TextIO, settings: Mapping[str, Any], translator: Translator) -> None:
        super().__init__(out, settings, translator)
        names = ["line", "rank", "score", "log_prob", "translation"]
        out.write("\t".join([*names, *(["log_probs"] if self.scores else [])]) + "\n")

    def write(self, answer: Answer) -> None:
        """Write what a line became."""
        for rank, each in enumerate(answer.translations, 1):
            cells = [str(answer.line), str(rank), decimal(each.score), decimal(each.log_prob)]
            cells += [_cell(each.text), *([_numbers(each)] if self.scores else [])]
            self.out.write("\t".join(cells) + "\n")


class JsonWriter(Writer):
    """An object a translation: a line each, or all in a list."""

    def __init__(
        self, out: TextIO, settings: Mapping[str, Any], translator: Translator, lines: bool
    ) -> None:
        super().__init__(out, settings, translator)
        self._records = Records(out, lines)

    def write(self, answer: Answer) -> None:
        """Write what a line became."""
        for rank in range(len(answer.translations)):
            self._records.write(self._record(answer, rank))

    def _record(self, answer: Answer, rank: int) -> dict[str, Any]:
        each = answer.translations[rank]
        record: dict[str, Any] = {
            "line": answer.line,
            "rank": rank + 1,
            "source": answer.source,
            "translation": each.text,
            "score": each.score,
            "log_prob": each.log_prob,
            "finished": each.finished,
            "tokens": _names(self.translator.target, each.ids),
        }
        if self.scores:
            record["log_probs"] = each.log_probs.tolist()
        if self.attention:
            weights = answer.weights[rank] if answer.weights else None
            shown = [] if weights is None else np.round(weights.astype(float), _DIGITS).tolist()
            record["source_tokens"] = _names(self.translator.source, answer.source_ids)
            record["attention"] = shown
        return record

    def close(self) -> None:
        """Write what ends the result."""
        self._records.close()


def make_writer(out: TextIO, settings: Mapping[str, Any], translator: Translator) -> Writer:
    """The writer of --format."""
    format = settings["format"]
    if format in ("json", "jsonl"):
        return JsonWriter(out, settings, translator, lines=format == "jsonl")
    return (TsvWriter if format == "tsv" else Writer)(out, settings, translator)


def readable(side: TextSide, ids: Ids) -> list[str]:
    """Tokens as people read them; a space is "▁"."""
    alone = side.tokenizer.decode_batch
    size = side.tokenizer.vocab_size
    shown = []
    for number in ids.tolist():
        text = b"" if number >= size else alone(np.array([number], np.int32), np.array([0, 1]))[0]
        shown.append(text_to_visible(text.decode("utf-8", "replace")) or side.names[number])
    return shown


def _names(side: TextSide, ids: Ids) -> list[str]:
    return [side.names[number] for number in ids.tolist()]


def _cell(text: str) -> str:
    return text.replace("\t", " ")


def decimal(value: float) -> str:
    """A log-probability for people and tables."""
    shown = f"{value:.4f}"
    return "0.0000" if shown == "-0.0000" else shown


def _numbers(translation: Translation) -> str:
    return " ".join(map(decimal, translation.log_probs.tolist()))
