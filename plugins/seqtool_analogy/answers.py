"""Answers as text, tsv, json or jsonl."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple, TextIO


class Answered(NamedTuple):
    """A question, field by field, and its answers, best first.

    ``None`` stands for a question that could not be answered and was to be skipped.
    """

    fields: dict[str, str]
    answers: list[tuple[str, float]] | None


def number(score: float) -> float:
    """A float32 with the digits it has."""
    return float(f"{score:.7g}")


class AnswerWriter:
    """Writes answers as they come.

    ``listing``: text is a list with scores, for people; else it is a line a question, answers
    separated by tabs. ``single``: json is the one object, not a list of objects.
    """

    def __init__(
        self,
        stream: TextIO,
        format: str,
        names: Sequence[str],
        listing: bool,
        single: bool,
    ) -> None:
        self.stream = stream
        self.format = format
        self.listing = listing
        self.single = single
        self._count = 0
        if format == "tsv":
            stream.write("\t".join([*names, "rank", "answer", "score"]) + "\n")

    def write(self, answered: Answered) -> None:
        """Write one question's answers."""
        write = getattr(self, f"_{self.format}")
        write(answered)
        self._count += 1

    def close(self) -> None:
        """Write what ends the result."""
        if self.format == "json" and not self.single:
            self.stream.write("\n]\n" if self._count else "[]\n")

    def _text(self, answered: Answered) -> None:
        answers = answered.answers or []
        if not self.listing:
            self.stream.write("\t".join(word for word, _ in answers) + "\n")
            return
        if not self.single:
            blank = "\n" if self._count else ""
            self.stream.write(f"{blank}{' '.join(answered.fields.values())}\n")
        indent = "" if self.single else "  "
        width = max((len(word) for word, _ in answers), default=0)
        for word, score in answers:
            self.stream.write(f"{indent}{word:{width}}  {score:.4f}\n")

    def _tsv(self, answered: Answered) -> None:
        fields = list(answered.fields.values())
        for rank, (word, score) in enumerate(answered.answers or [], 1):
            row = [*fields, str(rank), word, repr(number(score))]
            self.stream.write("\t".join(row) + "\n")

    def _json(self, answered: Answered) -> None:
        if not self.single:
            self.stream.write(",\n" if self._count else "[\n")
        self._jsonl(answered, "\n" if self.single else "")

    def _jsonl(self, answered: Answered, end: str = "\n") -> None:
        answers = [{"word": word, "score": number(score)} for word, score in answered.answers or []]
        record: dict[str, Any] = {**answered.fields, "answers": answers}
        self.stream.write(json.dumps(record, ensure_ascii=False) + end)
