"""When to stop, and which text is sure to be printed until then."""

from __future__ import annotations

import codecs
from collections.abc import Collection, Sequence
from typing import Literal

Reason = Literal["end", "length", "string"]


class StopStrings:
    """Text that ends before the first of some strings, wherever it is cut into pieces.

    That is the string that is complete first; of several that end at the same place the longest.
    """

    def __init__(self, strings: Sequence[str]) -> None:
        self.strings = [string for string in strings if string]
        self.stopped = False
        self._held = ""

    def feed(self, text: str) -> str:
        """Take a piece of text; returns what can be printed now.

        The end of the text that may be the beginning of a stop string is held back.
        """
        if self.stopped:
            return ""
        text = self._held + text
        places = [(text.find(string), len(string)) for string in self.strings]
        found = [(start + length, start) for start, length in places if start >= 0]
        if found:
            self.stopped = True
            self._held = ""
            return text[: min(found)[1]]
        ready = len(text) - max((_overlap(text, s) for s in self.strings), default=0)
        self._held = text[ready:]
        return text[:ready]

    def finish(self) -> str:
        """What was held back and is no stop string, now that nothing follows."""
        held, self._held = self._held, ""
        return held


def _overlap(text: str, string: str) -> int:
    """How many characters at the end of a text are the beginning of a string, not all of it."""
    longest = min(len(text), len(string) - 1)
    return next((n for n in range(longest, 0, -1) if text.endswith(string[:n])), 0)


class TokenStream:
    """From ids and their bytes to text that can be printed, and to the reason to stop.

    Only whole characters come out; bytes that are no UTF-8 become U+FFFD. ``reason`` is None
    until it is time to stop: "end" after an end id, "length" after ``max_length`` ids, "string"
    after a stop string. Neither an end id nor a stop string gives text.
    """

    def __init__(
        self,
        max_length: int | None = None,
        end_ids: Collection[int] = (),
        stop_strings: Sequence[str] = (),
    ) -> None:
        self.max_length = max_length
        self.end_ids = frozenset(end_ids)
        self.length = 0
        self.reason: Reason | None = None
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._stop = StopStrings(stop_strings)

    def feed(self, token: int, piece: bytes) -> str:
        """Take an id and what it adds to the text; returns what can be printed now.

        Once there is a reason to stop this is all that was held back, and nothing after it.
        """
        if self.reason is not None:
            return ""
        self.length += 1
        if token in self.end_ids:
            self.reason = "end"
            return self._rest()
        text = self._stop.feed(self._decoder.decode(piece))
        if self._stop.stopped:
            self.reason = "string"
        elif self.max_length is not None and self.length >= self.max_length:
            self.reason = "length"
            text += self._rest()
        return text

    def finish(self) -> str:
        """What was held back, when the caller stops before there is a reason to."""
        return "" if self.reason is not None else self._rest()

    def _rest(self) -> str:
        text = self._stop.feed(self._decoder.decode(b"", final=True))
        return text + self._stop.finish()
