"""`explain`: what each word contributed, found by leaving it out (occlusion).

The contribution of a word is how much lower the log-odds of the text's label are without it:
log(p / (1 - p)) with the word minus without (Zeiler and Fergus 2014, section 4.2, for words).
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TextIO

import numpy as np
import numpy.typing as npt

from seqtool.output import open_output
from seqtool.text import numbered_lines
from seqtool.tokenizers.batches import batch_of_texts
from seqtool.tokenizers.uax29 import holds_letter_or_number, uax29_words
from seqtool_sentiment.classifier import Classifier
from seqtool_sentiment.load import load

_LEAST = 1e-7  # probabilities are at least this far from 0 and 1, so that log-odds are finite
_BAR = 10  # characters of the longest bar


class Word(NamedTuple):
    """A word, where it stands in the text (in characters), and what it contributed."""

    word: str
    begin: int
    end: int
    contribution: float


class Explanation(NamedTuple):
    """A text's label, its probability, and the text's words."""

    text: str
    label: str
    probability: float
    words: list[Word]


def run_explain(words: Sequence[str], settings: Mapping[str, Any]) -> None:
    """Explain the text given as words, or the lines of a file or stdin. Raises SeqtoolError."""
    classifier = load(settings)
    with open_output(settings["output"]) as stream:
        writer = _Writer(stream, settings["format"])
        for text in _texts(words, settings["errors"]):
            writer.write(explain(classifier, text, settings["threads"]))
            stream.flush()
        writer.close()


def _texts(words: Sequence[str], errors: str) -> Iterator[str]:
    if not words or list(words) == ["-"] or (len(words) == 1 and os.path.isfile(words[0])):
        for _, line in numbered_lines(words[0] if words else "-", errors):
            yield line
    else:
        yield " ".join(words)


def explain(classifier: Classifier, text: str, threads: int) -> Explanation:
    """Leave out each word (UAX 29, with a letter or number) in turn."""
    spans = _word_spans(text)
    variants = [text, *(text[:begin] + text[end:] for begin, end in spans)]
    probabilities = classifier.probabilities(variants, threads)
    label = int(probabilities[0].argmax())
    odds = _log_odds(probabilities[:, label])
    found = [
        Word(text[begin:end], begin, end, float(odds[0] - without))
        for (begin, end), without in zip(spans, odds[1:], strict=True)
    ]
    return Explanation(text, classifier.labels[label], float(probabilities[0, label]), found)


def _word_spans(text: str) -> list[tuple[int, int]]:
    batch = batch_of_texts([text.encode("utf-8", "replace")])
    segments = uax29_words(batch)
    before = np.concatenate([[0], np.cumsum((batch.data & 0xC0) != 0x80)])
    ends = before[segments.ends].tolist()
    spans = zip([0, *ends[:-1]], ends, holds_letter_or_number(batch, segments), strict=False)
    return [(begin, end) for begin, end, is_word in spans if is_word]


def _log_odds(chances: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    safe = np.clip(chances.astype(np.float64), _LEAST, 1 - _LEAST)
    odds: npt.NDArray[np.float64] = np.log(safe / (1 - safe))
    return odds


class _Writer:
    """Writes explanations as they come."""

    def __init__(self, stream: TextIO, format: str) -> None:
        self._stream = stream
        self._format = format
        self._colours = stream.isatty() and not os.environ.get("NO_COLOR")
        self._count = 0
        if format == "tsv":
            stream.write("text\tlabel\tprobability\tword\tbegin\tend\tcontribution\n")

    def write(self, explanation: Explanation) -> None:
        """Write one."""
        if self._format == "text":
            self._text(explanation)
        elif self._format == "tsv":
            self._tsv(explanation)
        else:
            record = explanation._asdict()
            record["words"] = [
                {**word._asdict(), "contribution": round(word.contribution, 6)}
                for word in explanation.words
            ]
            line = json.dumps(record, ensure_ascii=False, allow_nan=False)
            if self._format == "json":
                self._stream.write((",\n" if self._count else "[\n") + line)
            else:
                self._stream.write(line + "\n")
        self._count += 1

    def close(self) -> None:
        """Write what ends the result."""
        if self._format == "json":
            self._stream.write("\n]\n" if self._count else "[]\n")

    def _tsv(self, explanation: Explanation) -> None:
        for word in explanation.words:
            cells = [
                str(self._count + 1), explanation.label, f"{explanation.probability:.6f}",
                word.word, str(word.begin), str(word.end), f"{word.contribution:.6f}",
            ]  # fmt: skip
            self._stream.write("\t".join(cells) + "\n")

    def _text(self, explanation: Explanation) -> None:
        out = self._stream
        blank = "\n" if self._count else ""
        most = max((abs(word.contribution) for word in explanation.words), default=0.0)
        out.write(f"{blank}{explanation.label}  {explanation.probability:.4f}\n")
        if self._colours:
            out.write(f"{coloured(explanation)}\n")
            return
        width = max((len(word.word) for word in explanation.words), default=0)
        for word in explanation.words:
            length = math.ceil(_BAR * abs(word.contribution) / most - 0.5) if most else 0
            bar = ("+" if word.contribution > 0 else "-") * length
            out.write(f"  {word.word:<{width}} {word.contribution:+8.3f}  {bar}".rstrip() + "\n")


def coloured(explanation: Explanation) -> str:
    """The text for a terminal: words for the label green, against it red, strong ones bold."""
    most = max((abs(word.contribution) for word in explanation.words), default=0.0)
    parts, at = [], 0
    for word in explanation.words:
        share = abs(word.contribution) / most if most else 0.0
        shown = word.word
        if share >= 0.1:
            colour = "32" if word.contribution > 0 else "31"
            shown = f"\x1b[{'1;' if share >= 0.5 else ''}{colour}m{shown}\x1b[0m"
        parts += [explanation.text[at : word.begin], shown]
        at = word.end
    return "".join([*parts, explanation.text[at:]])
