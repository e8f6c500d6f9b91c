"""Finding the words that answer questions, many questions at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqtool.kernels import expect
from seqtool.parallel import for_each
from seqtool.vectors import WordVectors
from seqtool.vectors.search_kernels import EPSILON, PRODUCT, STEP, SUM, best_words
from seqtool.vectors.table import unit_rows

Numbers = NDArray[np.int32]
Floats = NDArray[np.float32]

# The table of products has at most so many numbers (32 MB), whatever is asked.
TABLE_NUMBERS = 8 << 20
MOST_TERMS = 2048
QUESTIONS_A_TASK = 1024

NOTHING = -1  # a term that adds nothing


class Search:
    """Answers questions about one set of vectors by one metric.

    A question is three terms a, b, c: rows of the vectors, rows of ``extra`` counted on from
    there, or NOTHING. What is looked for is near b - a + c:

    * ``cosine``: largest cosine, with a, b and c scaled to length 1 (3CosAdd, Mikolov et al. 2013);
    * ``euclidean``: smallest distance, of vectors as they are;
    * ``mul``: largest cos(b) cos(c) / (cos(a) + 0.001), cosines shifted to 0..1 (3CosMul, Levy and
      Goldberg 2014).

    The words of a question are no answers to it, nor are other words of their ``groups``.
    """

    def __init__(
        self,
        vectors: WordVectors,
        metric: str,
        extra: Floats | None = None,
        groups: Numbers | None = None,
        threads: int = 1,
    ) -> None:
        self.vectors = vectors
        self.metric = metric
        self.threads = threads
        count = len(vectors)
        self.groups = np.arange(count, dtype=np.int32) if groups is None else groups
        matrix = vectors.matrix if metric == "euclidean" else vectors.unit()
        self.matrix: Floats = matrix
        self._extra = np.empty((0, vectors.dimensions), np.float32)
        if extra is not None and len(extra):
            self._extra = extra if metric == "euclidean" else unit_rows(extra)
        if metric == "euclidean":
            # |x - t|^2 = |t|^2 - 2 (x.t - |x|^2 / 2), so this is all that differs.
            self._offsets = np.einsum("ij,ij->i", matrix, matrix) / np.float32(2)
        else:
            self._offsets = np.zeros(count, np.float32)

    def best(
        self, questions: Numbers, top: int, expected: int | None = None
    ) -> tuple[Numbers, Floats]:
        """The best answers of questions, int32 of shape (questions, 3).

        ``expected`` is how many questions are asked in all, where that is more: kernels are
        compiled if it is worth it.

        Returns the rows of the words and their scores, both (questions, top); row -1 where there
        is no further word. Scores are cosines, distances, or values of 3CosMul.
        """
        words = np.full((len(questions), top), -1, np.int32)
        scores = np.full((len(questions), top), -np.inf, np.float32)
        expect(max(len(questions), expected or 0) * len(self.vectors))
        for begin, end in self._parts(questions):
            self._answer(questions[begin:end], words[begin:end], scores[begin:end])
        return words, self._readable(questions, words, scores)

    def term_vectors(self, terms: NDArray[Any]) -> Floats:
        """The vectors of terms, (terms, dimensions), as the metric uses them."""
        result = np.zeros((len(terms), self.matrix.shape[1]), np.float32)
        count = len(self.vectors)
        known = (terms >= 0) & (terms < count)
        result[known] = self.matrix[terms[known]]
        result[terms >= count] = self._extra[terms[terms >= count] - count]
        return result

    def _parts(self, questions: Numbers) -> Iterator[tuple[int, int]]:
        """Cut the questions so that each part has few enough different terms."""
        step = len(questions)
        if len(np.unique(questions)) > MOST_TERMS:
            step = MOST_TERMS // 3
        for begin in range(0, len(questions), max(step, 1)):
            yield begin, min(begin + step, len(questions))

    def _answer(self, questions: Numbers, words: Numbers, scores: Floats) -> None:
        """Look through the vocabulary block by block; the results go to words and scores."""
        count = len(self.vectors)
        terms, inverse = np.unique(questions, return_inverse=True)
        rows: Numbers = inverse.reshape(-1).astype(np.int32)
        term_vectors = self.term_vectors(terms)
        flat = questions.reshape(-1)
        known = (flat >= 0) & (flat < count)
        excluded = np.full(flat.shape, -1, np.int32)
        excluded[known] = self.groups[flat[known]]
        width = max(STEP, TABLE_NUMBERS // len(terms) // STEP * STEP)
        memory = np.empty(len(terms) * min(width, count), np.float32)
        tasks = range(0, len(questions), QUESTIONS_A_TASK)
        for first in range(0, count, width):
            block = self.matrix[first : first + width]
            table = memory[: len(terms) * len(block)].reshape(len(terms), len(block))
            np.dot(term_vectors, block.T, out=table)
            if self.metric == "mul":
                table += 1
                table *= 0.5
            look = partial(self._look, table, first, rows, excluded, words, scores)
            for_each(tasks, partial(_same, look), min(self.threads, len(tasks)))

    def _look(
        self,
        table: Floats,
        first: int,
        rows: Numbers,
        excluded: Numbers,
        words: Numbers,
        scores: Floats,
        begin: int,
    ) -> None:
        """Look through one block for the questions from ``begin`` on; see `best_words`."""
        how = PRODUCT if self.metric == "mul" else SUM
        end = min(begin + QUESTIONS_A_TASK, len(words))
        best_words(
            how, table.reshape(-1), table.shape[1], first, self._offsets, EPSILON, self.groups,
            rows, excluded, begin, end, words.shape[1], scores.reshape(-1), words.reshape(-1),
        )  # fmt: skip

    def _readable(self, questions: Numbers, words: Numbers, scores: Floats) -> Floats:
        """Scores as people know them: cosines and distances."""
        if self.metric == "mul":
            return scores
        a, b, c = (self.term_vectors(questions[:, i]) for i in range(3))
        target = b - a + c
        if self.metric == "cosine":
            length = np.sqrt(np.einsum("ij,ij->i", target, target))
            length[length == 0] = 1
            return np.asarray(scores / length[:, None], np.float32)
        distances = np.full(scores.shape, np.inf, np.float32)
        for column in range(words.shape[1]):
            found = words[:, column] >= 0
            difference = self.matrix[words[found, column]] - target[found]
            distances[found, column] = np.sqrt(np.einsum("ij,ij->i", difference, difference))
        return distances


def _same(look: Callable[[int], None]) -> Callable[[int], None]:
    """The worker of every thread: it has no memory of its own."""
    return look
