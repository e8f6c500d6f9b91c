"""chrF (Popovic 2015) and chrF++ (Popovic 2017)."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from seqtool_bleu.batch import Batch, Workspace, count_in_shards
from seqtool_bleu.metric import Metric

if TYPE_CHECKING:
    from seqtool_bleu.sample_scores import Samples

_EPSILON = 1e-16


class Chrf(Metric):
    """Columns, for each order: n-grams of the hypothesis, of the reference, in both.

    Character orders come first, then word orders (two of them make it chrF++).
    """

    def __init__(
        self,
        name: str = "chrf",
        char_order: int = 6,
        word_order: int = 0,
        beta: int = 2,
        lowercase: bool = False,
        whitespace: bool = False,
        eps_smoothing: bool = False,
    ) -> None:
        self.name = name
        self.label = f"chrF{beta}" + "+" * word_order
        self.char_order = char_order
        self.word_order = word_order
        self.orders = char_order + word_order
        self.beta = beta
        self.lowercase = lowercase
        self.whitespace = whitespace
        self.eps_smoothing = eps_smoothing
        self.columns = 3 * self.orders

    def signature_fields(self) -> list[tuple[str, str]]:
        return [
            ("case", "lc" if self.lowercase else "mixed"),
            ("eff", "no" if self.eps_smoothing else "yes"),
            ("nc", str(self.char_order)),
            ("nw", str(self.word_order)),
            ("space", "yes" if self.whitespace else "no"),
        ]

    def prepare(self, data: bytes) -> bytes:
        return data.decode().lower().encode() if self.lowercase else data

    def steps(self, characters: int, lines: int) -> int:
        return 50 * characters

    def count(self, batch: Batch, system: int, threads: int) -> array[float]:
        from seqtool_bleu.ngram_kernels import chrf_columns

        rows = array("d", bytes(8 * self.columns * batch.segments))

        def make_worker() -> Callable[[int, int], None]:
            w = Workspace(batch, max(self.char_order, self.word_order))
            candidate = array("d", bytes(8 * self.columns))

            def work(first: int, last: int) -> None:
                chrf_columns(
                    batch.codes, batch.starts, batch.segments, batch.references,
                    batch.references + system, batch.present, first, last, self.char_order,
                    self.word_order, float(self.beta), int(self.whitespace),
                    int(self.eps_smoothing), w.arena, w.words, w.symbols, w.prefixes, w.grams,
                    w.counts, candidate, rows,
                )  # fmt: skip

            return work

        count_in_shards(batch, make_worker, threads)
        return rows

    def score(self, stats: Sequence[float]) -> float:
        factor = self.beta**2
        smoothed = 0.0
        precisions, recalls = [], []
        for order in range(self.orders):
            hyp, ref, match = stats[3 * order : 3 * order + 3]
            precision = match / hyp if hyp > 0 else _EPSILON
            recall = match / ref if ref > 0 else _EPSILON
            below = factor * precision + recall
            smoothed += (1 + factor) * precision * recall / below if below > 0 else _EPSILON
            if hyp > 0 and ref > 0:
                precisions.append(precision)
                recalls.append(recall)
        if self.eps_smoothing:
            return 100 * smoothed / self.orders
        if not precisions:
            return 0.0
        precision = sum(precisions) / len(precisions)
        recall = sum(recalls) / len(recalls)
        if not precision + recall:
            return 0.0
        score = (1 + factor) * precision * recall
        score /= factor * precision + recall
        return 100 * score

    def details(self, stats: Sequence[float]) -> dict[str, object]:
        return {
            "hyp_ngrams": [int(x) for x in stats[0::3]],
            "ref_ngrams": [int(x) for x in stats[1::3]],
            "matches": [int(x) for x in stats[2::3]],
        }

    def score_samples(self, sums: Samples) -> Samples:
        """Scores of many summed columns at once."""
        from seqtool_bleu.sample_scores import chrf_samples

        return chrf_samples(sums, self.orders, self.beta, self.eps_smoothing)
