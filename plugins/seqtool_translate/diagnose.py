"""Is a bad translation the model's fault, or the search's? Counting which.

The model's score of the human translation y* is compared with that of what the search found, y^. If
y* has the higher one, the search missed a translation that the model prefers: a search error. If
not, the model prefers what is wrong: a model error. (A. Ng, "Sequence Models", deeplearning.ai
2017, week 3, "Error analysis in beam search": B and R; Stahlberg and Byrne 2019, "On NMT search
errors and model errors: cat got your tongue?".)
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import numpy as np

from seqtool.decode.types import Ids
from seqtool_translate.lengths import FIRSTS, row_of

Kind = Literal["same", "search", "model"]
KINDS: tuple[Kind, ...] = ("same", "search", "model")


class Scored(NamedTuple):
    """A translation, and the model's score of it: log-probability, normalised by length (nats)."""

    text: str
    ids: Ids
    score: float


class Case(NamedTuple):
    """A sentence: its line, counted from 1, the human translation and that of the search."""

    line: int
    source: str
    reference: Scored
    output: Scored

    @property
    def kind(self) -> Kind:
        """What it is. Translations whose text or ids are the same are no error."""
        reference, output = self.reference, self.output
        if reference.text == output.text or np.array_equal(reference.ids, output.ids):
            return "same"
        return "search" if reference.score > output.score else "model"

    @property
    def difference(self) -> float:
        """How far the scores are apart."""
        return abs(self.reference.score - self.output.score)


class Tally:
    """What became of sentences at one beam size.

    Attributes:
        rows: counts of kinds by the length of the source (`seqtool_translate.lengths`).
        worst: the errors of each kind with the largest differences, the largest first.
    """

    def __init__(self, worst: int) -> None:
        self.rows: list[Counter[Kind]] = [Counter() for _ in FIRSTS]
        self.worst: dict[Kind, list[Case]] = {"search": [], "model": []}
        self._most = worst

    @property
    def counts(self) -> Counter[Kind]:
        """Of kinds, whatever the length."""
        return sum(self.rows, Counter[Kind]())

    def add(self, case: Case) -> None:
        """Count a sentence; of equally bad ones the first stays."""
        kind = case.kind
        self.rows[row_of(case.source)][kind] += 1
        if kind != "same":
            cases = [*self.worst[kind], case]
            self.worst[kind] = heapq.nlargest(self._most, cases, key=lambda c: c.difference)


class Diagnosis:
    """Sentences compared at several beam sizes.

    Attributes: ``tallies`` by beam size; ``sentences`` compared, and ``empty``, which were left out
    because one side of them is.
    """

    def __init__(self, beams: Sequence[int], worst: int) -> None:
        self.tallies = {beam: Tally(worst) for beam in beams}
        self.sentences = 0
        self.empty = 0

    def add(
        self,
        first_line: int,
        sources: Sequence[str],
        references: Sequence[Scored],
        search: Callable[[int], Sequence[Scored]],
    ) -> None:
        """Compare some sentences.

        Args:
            first_line: the number of the first of them.
            sources: what is translated.
            references: the human translations, with the model's scores.
            search: what the search finds for each source with a beam of this size.
        """
        full = [
            bool(source.strip() and reference.text.strip())
            for source, reference in zip(sources, references, strict=True)
        ]
        for beam, tally in self.tallies.items():
            found = zip(sources, references, search(beam), strict=True)
            for number, (source, reference, output) in enumerate(found):
                if full[number]:
                    tally.add(Case(first_line + number, source, reference, output))
        self.sentences += sum(full)
        self.empty += len(full) - sum(full)


def search_share(counts: Counter[Kind]) -> float | None:
    """The share of errors that are the search's; None if there are none."""
    errors = counts["search"] + counts["model"]
    return counts["search"] / errors if errors else None
