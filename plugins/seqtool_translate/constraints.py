"""Phrases that must come in translations, from a file beside the input."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from seqtool.errors import SeqtoolError
from seqtool.text import display_name, numbered_lines

if TYPE_CHECKING:
    from seqtool_translate.text_side import TextSide


class ConstraintFile:
    """A line of phrases, with tabs between them, for each line of the input."""

    def __init__(self, path: str, target: TextSide, errors: str) -> None:
        self._path = display_name(path)
        self._target = target
        self._lines: Iterator[tuple[int, str]] = numbered_lines(path, errors)
        self._read = 0

    def take(self, count: int) -> list[list[list[int]]]:
        """The phrases of the next ``count`` lines, as ids of the target language.

        Raises SeqtoolError where there are fewer lines, or a phrase that the model cannot write.
        """
        found = []
        for _ in range(count):
            number, line = next(self._lines, (0, ""))
            if not number:
                raise SeqtoolError(
                    f"{self._path} ends behind line {self._read:,}, the input goes on: "
                    "it needs a line for every line, empty where nothing must come"
                )
            self._read = number
            found.append([self._ids(phrase) for phrase in line.split("\t") if phrase.strip()])
        return found

    def finish(self) -> None:
        """Raise SeqtoolError if there are more lines than the input had."""
        more = sum(1 for _ in self._lines)
        if more:
            raise SeqtoolError(
                f"{self._path} has {self._read + more:,} lines, the input {self._read:,}: "
                "it needs a line for every line"
            )

    def _ids(self, phrase: str) -> list[int]:
        """A phrase as it is written inside a sentence."""
        side = self._target
        phrase = phrase.strip()
        # Pieces of bytes hold the space before a word.
        text = f" {phrase}" if side.tokenizer.form == "bytes" else phrase
        ids = side.tokenizer.encode_batch([text]).ids
        if side.unknown is not None and (ids == side.unknown).any():
            raise SeqtoolError(
                f"{self._path}:{self._read}: the model has no tokens for '{phrase}': "
                "it cannot be made to write it"
            )
        return [int(number) for number in ids]
