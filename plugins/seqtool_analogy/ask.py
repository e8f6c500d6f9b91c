"""Questions from the command line or stdin, answered: the bare command, and `neighbours`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import click
import numpy as np

from seqtool.errors import SeqtoolError
from seqtool.output import open_output
from seqtool.text import explain_bad_bytes, read_blocks
from seqtool.vectors import WordVectors
from seqtool.vectors.search import NOTHING, Numbers, Search
from seqtool_analogy.answers import Answered, AnswerWriter
from seqtool_analogy.load import load
from seqtool_analogy.questions import Lexicon, NotAQuestionError, read_analogy, read_word

QUESTIONS_AT_ONCE = 1024


class Kind(NamedTuple):
    """One kind of question: how it is read, and which of its words are a, b and c."""

    names: tuple[str, ...]
    read: Callable[[str], tuple[str, ...]]
    places: tuple[int, ...]  # where in (a, b, c) each word goes


ANALOGY = Kind(("a", "b", "c"), read_analogy, (0, 1, 2))
NEIGHBOURS = Kind(("word",), read_word, (1,))


class Asker:
    """Answers questions of one kind by the settings of the command line."""

    def __init__(self, vectors: WordVectors, kind: Kind, settings: Mapping[str, Any]) -> None:
        self.vectors = vectors
        self.kind = kind
        self.metric = settings["metric"]
        self.lowercase = settings["lowercase"]
        self._search: Search | None = None
        self._asked = 0

    def rows(self, questions: Sequence[Sequence[str]]) -> tuple[Numbers, Lexicon]:
        """Questions as rows of (a, b, c). Raises SeqtoolError for unknown words."""
        lexicon = Lexicon(self.vectors, self.lowercase)
        rows = np.full((len(questions), 3), NOTHING, np.int32)
        for i, words in enumerate(questions):
            rows[i, list(self.kind.places)] = lexicon.rows(words)
        return rows, lexicon

    def answer(self, questions: Sequence[Sequence[str]], top: int) -> list[Answered]:
        """Answer questions; all their words must have vectors."""
        rows, lexicon = self.rows(questions)
        top = min(top, len(self.vectors))
        if len(lexicon.extra):  # words that only subwords know: vectors of this call
            search = Search(self.vectors, self.metric, lexicon.extra)
        else:
            search = self._search = self._search or Search(self.vectors, self.metric)
        # What came before counts, too: a long stream is worth compiling for.
        self._asked += len(questions)
        found, scores = search.best(rows, top, self._asked)
        return [
            Answered(
                dict(zip(self.kind.names, words, strict=True)),
                [
                    (self.vectors.words[row], score)
                    for row, score in zip(best, values, strict=True)
                    if row >= 0
                ],
            )
            for words, best, values in zip(questions, found.tolist(), scores.tolist(), strict=True)
        ]


def ask_analogy(words: Sequence[str], settings: Mapping[str, Any]) -> None:
    """The bare command: one question in ``words``, or questions on stdin."""
    if not words or tuple(words) == ("-",):
        _stream(ANALOGY, settings)
        return
    try:
        question = read_analogy(" ".join(words))
    except NotAQuestionError as error:
        raise click.UsageError(str(error)) from None
    _at_once(ANALOGY, [question], settings)


def ask_neighbours(words: Sequence[str], settings: Mapping[str, Any]) -> None:
    """`neighbours`: the words given, or those on stdin."""
    if not words or tuple(words) == ("-",):
        _stream(NEIGHBOURS, settings)
    else:
        _at_once(NEIGHBOURS, [(word,) for word in words], settings)


def _at_once(kind: Kind, questions: Sequence[tuple[str, ...]], settings: Mapping[str, Any]) -> None:
    asker = Asker(load(settings), kind, settings)
    # One message names every unknown word, of whichever question.
    Lexicon(asker.vectors, asker.lowercase).rows([word for words in questions for word in words])
    answered = asker.answer(questions, settings["top"] or 10)
    with open_output(settings["output"]) as stream:
        writer = AnswerWriter(
            stream, settings["format"], kind.names, listing=True, single=len(questions) == 1
        )
        for answer in answered:
            writer.write(answer)
        writer.close()


def _stream(kind: Kind, settings: Mapping[str, Any]) -> None:
    """Answer the lines of stdin as they come: a line for a line."""
    asker = Asker(load(settings), kind, settings)
    skipped = 0
    with open_output(settings["output"]) as stream:
        writer = AnswerWriter(stream, settings["format"], kind.names, listing=False, single=False)
        for batch in _batches(asker, settings["skip_unknown"], settings["errors"]):
            asked = [words for words in batch.questions if words is not None]
            answers = iter(asker.answer(asked, settings["top"] or 1) if asked else ())
            for words, text in zip(batch.questions, batch.texts, strict=True):
                if words is None:
                    skipped += bool(text.strip())
                    writer.write(_unanswered(kind, text))
                else:
                    writer.write(next(answers))
            stream.flush()
            if batch.failure is not None:
                raise batch.failure
        writer.close()
    if skipped and not settings["quiet"]:
        click.echo(f"seqtool analogy: {skipped:,} lines with unknown words skipped", err=True)


def _unanswered(kind: Kind, text: str) -> Answered:
    try:
        words = kind.read(text)
    except NotAQuestionError:
        words = ("",) * len(kind.names)
    return Answered(dict(zip(kind.names, words, strict=True)), None)


class Batch(NamedTuple):
    """Lines that came together; a question is None where there is nothing to answer."""

    texts: list[str]
    questions: list[tuple[str, ...] | None]
    failure: SeqtoolError | None


def _batches(asker: Asker, skip_unknown: bool, errors: str) -> Iterator[Batch]:
    """Questions of stdin, at most QUESTIONS_AT_ONCE; a failure ends the last one."""
    line = 0
    for block in read_blocks("-", errors):
        explain_bad_bytes(block, "-", line)
        lines = block.decode("utf-8").split("\n")[:-1]
        for begin in range(0, len(lines), QUESTIONS_AT_ONCE):
            batch = Batch(lines[begin : begin + QUESTIONS_AT_ONCE], [], None)
            for text in batch.texts:
                line += 1
                try:
                    batch.questions.append(_question(asker, text, skip_unknown))
                except (NotAQuestionError, SeqtoolError) as error:
                    done = len(batch.questions)
                    failure = SeqtoolError(f"stdin:{line}: {error}")
                    yield Batch(batch.texts[:done], batch.questions, failure)
                    return
            yield batch


def _question(asker: Asker, text: str, skip_unknown: bool) -> tuple[str, ...] | None:
    """The question of a line; None for an empty line, or one with unknown words to skip."""
    if not text.strip():
        return None
    words = asker.kind.read(text)
    lexicon = Lexicon(asker.vectors, asker.lowercase)
    if skip_unknown and not all(lexicon.knows(word) for word in words):
        return None
    lexicon.rows(words)
    return words
