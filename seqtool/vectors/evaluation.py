"""How good word vectors are: analogy questions answered, judgements of similarity followed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from seqtool.errors import SeqtoolError
from seqtool.text import display_name, numbered_lines
from seqtool.vectors.search import Numbers, Search
from seqtool.vectors.table import WordVectors

Doubles = NDArray[np.float64]


class Section:
    """The questions of one section of the file."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.rows: list[tuple[int, int, int, int]] = []
        self.correct = 0
        self.left_out = 0

    @property
    def syntactic(self) -> bool:
        """Whether it asks about forms of words: questions-words.txt names these ``gram...``."""
        return self.name.startswith("gram")


class Evaluation:
    """Questions read against one set of vectors, and answered.

    With ``fold_case`` words that differ in case only are one word, the first of them (which is
    the most frequent); gensim's ``evaluate_word_analogies`` does so, too. A question with a word
    that has no vector is left out.
    """

    def __init__(self, vectors: WordVectors, fold_case: bool) -> None:
        self.vectors = vectors
        self.fold_case = fold_case
        self.sections: list[Section] = []
        self.groups: Numbers = np.arange(len(vectors), dtype=np.int32)
        self._index: Mapping[str, int] = vectors.index
        if fold_case:
            first: dict[str, int] = {}
            for row, word in enumerate(vectors.words):
                self.groups[row] = first.setdefault(word.upper(), row)
            self._index = first

    def read(self, path: str, errors: str = "strict") -> None:
        """Read a file of questions: ``: section`` lines, then four words a line.

        Raises SeqtoolError for a line that is neither, and for a file without questions.
        """
        name = display_name(path)
        for number, text in numbered_lines(path, errors):
            if text.startswith(":"):
                self.sections.append(Section(text[1:].strip()))
                continue
            words = text.split()
            if not words:
                continue
            if len(words) != 4:
                raise SeqtoolError(
                    f"{name}:{number}: {len(words)} words: a question has four,"
                    " a section starts with a colon"
                )
            if not self.sections:
                self.sections.append(Section("questions"))
            self._add(self.sections[-1], words)
        if not any(section.rows or section.left_out for section in self.sections):
            raise SeqtoolError(f"{name}: has no questions")

    def _add(self, section: Section, words: list[str]) -> None:
        index = self._index
        found = [index.get(word.upper() if self.fold_case else word) for word in words]
        a, b, c, d = found
        if a is None or b is None or c is None or d is None:
            section.left_out += 1
        else:
            section.rows.append((a, b, c, d))

    def answer(self, metric: str, threads: int = 1) -> None:
        """Answer all questions; each section's ``correct`` is set."""
        questions = np.array(
            [row for section in self.sections for row in section.rows], np.int32
        ).reshape(-1, 4)
        search = Search(self.vectors, metric, groups=self.groups, threads=threads)
        asked = np.ascontiguousarray(questions[:, :3])
        answers = search.best(asked, 1)[0][:, 0]
        # A list that ran out of words (-1) is no answer.
        right = (answers >= 0) & (self.groups[answers] == self.groups[questions[:, 3]])
        at = 0
        for section in self.sections:
            section.correct = int(right[at : at + len(section.rows)].sum())
            at += len(section.rows)

    def rows(self) -> list[dict[str, Any]]:
        """A row of the result for each section, then semantic, syntactic and total."""
        parts = {
            "semantic": [s for s in self.sections if not s.syntactic],
            "syntactic": [s for s in self.sections if s.syntactic],
            "total": self.sections,
        }
        rows = [_row(section.name, [section]) for section in self.sections]
        return rows + [_row(name, sections) for name, sections in parts.items() if sections]


def _row(name: str, sections: list[Section]) -> dict[str, Any]:
    correct = sum(section.correct for section in sections)
    questions = sum(len(section.rows) for section in sections)
    return {
        "section": name,
        "accuracy": 100 * correct / questions if questions else None,
        "correct": correct,
        "questions": questions,
        "left_out": sum(section.left_out for section in sections),
    }


def cosines(
    vectors: WordVectors,
    left: NDArray[np.int32],
    right: NDArray[np.int32],
    extra: NDArray[np.float32] | None = None,
) -> Doubles:
    """Cosines of rows of ``left`` and ``right``, pair by pair."""
    search = Search(vectors, "cosine", extra)
    a, b = search.term_vectors(left), search.term_vectors(right)
    products: Doubles = np.einsum("ij,ij->i", a.astype(np.float64), b.astype(np.float64))
    return products


class Correlation(NamedTuple):
    """How well cosines follow people's scores; NaN where either side is constant.

    ``pairs`` had vectors, ``left_out`` had none.
    """

    spearman: float
    pearson: float
    pairs: int
    left_out: int


def correlate(
    vectors: WordVectors, path: str, fold_case: bool = True, errors: str = "strict"
) -> Correlation:
    """Compare cosines with the scores in a file of pairs; see `read_pairs`.

    Raises SeqtoolError for a file that is none, or with fewer than two known pairs.
    """
    pairs = read_pairs(path, errors)
    index: Mapping[str, int] = vectors.index
    if fold_case:
        last = len(vectors) - 1
        index = {word.upper(): last - i for i, word in enumerate(reversed(vectors.words))}
    known = []
    for a, b, score in pairs:
        first, second = (index.get(word.upper() if fold_case else word) for word in (a, b))
        if first is not None and second is not None:
            known.append((first, second, score))
    if len(known) < 2:
        raise SeqtoolError(
            f"{display_name(path)}: {len(known)} of {len(pairs):,} pairs have vectors:"
            " too few for a correlation"
        )
    rows = np.array([(a, b) for a, b, _ in known], np.int32)
    people = np.array([score for _, _, score in known])
    found = cosines(vectors, rows[:, 0], rows[:, 1])
    return Correlation(
        spearman(people, found), pearson(people, found), len(known), len(pairs) - len(known)
    )


def evaluate_file(vectors: WordVectors, path: str, threads: int = 1) -> str:
    """A line on what a file of analogy questions or of word pairs says about vectors.

    A file with a line that starts with a colon holds questions. Raises SeqtoolError.
    """
    if any(text.startswith(":") for _, text in numbered_lines(path)):
        evaluation = Evaluation(vectors, fold_case=True)
        evaluation.read(path)
        evaluation.answer("cosine", threads)
        total = evaluation.rows()[-1]
        if total["accuracy"] is None:
            return "no question has vectors"
        return f"{total['accuracy']:.2f} % of {total['questions']:,} analogies"
    found = correlate(vectors, path)
    return f"Spearman {found.spearman:.4f} of {found.pairs:,} pairs"


def read_pairs(path: str, errors: str = "strict") -> list[tuple[str, str, float]]:
    """Read ``word word score`` lines, separated by tabs or spaces; # starts a comment.

    A first line without a score is a header. Raises SeqtoolError for other lines without one.
    """
    pairs: list[tuple[str, str, float]] = []
    name = display_name(path)
    seen = False
    for line, text in numbered_lines(path, errors):
        fields = text.split("\t") if "\t" in text else text.split()
        if not text.strip() or text.startswith("#"):
            continue
        header, seen = not seen, True
        score = _score(fields[2]) if len(fields) >= 3 else None
        if score is not None:
            pairs.append((fields[0].strip(), fields[1].strip(), score))
        elif not (header and len(fields) >= 3):
            raise SeqtoolError(f"{name}:{line}: not two words and a score")
    if not pairs:
        raise SeqtoolError(f"{name}: has no pairs")
    return pairs


def _score(text: str) -> float | None:
    try:
        score = float(text)
    except ValueError:
        return None
    return score if np.isfinite(score) else None


def pearson(x: Doubles, y: Doubles) -> float:
    """Pearson's correlation; NaN when either side is constant."""
    x, y = x - x.mean(), y - y.mean()
    scale = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y) / scale if scale else float("nan")


def spearman(x: Doubles, y: Doubles) -> float:
    """Spearman's correlation: Pearson's of the ranks, equal values sharing their mean rank."""
    return pearson(ranks(x), ranks(y))


def ranks(values: Doubles) -> Doubles:
    """Ranks from 0; equal values get the mean of theirs."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    mean: Doubles = last - (counts + 1) / 2
    return mean[place]
