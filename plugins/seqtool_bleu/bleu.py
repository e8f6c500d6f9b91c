"""BLEU (Papineni et al. 2002), with the smoothings of Chen and Cherry (2014)."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, cast

from seqtool_bleu.batch import Batch, Workspace, count_in_shards
from seqtool_bleu.metric import Metric
from seqtool_bleu.names import SMOOTHINGS
from seqtool_bleu.tokenizers import Tokenizer

if TYPE_CHECKING:
    from seqtool_bleu.sample_scores import Samples

# The logarithm that an n-gram precision of zero counts with.
_LOG_OF_ZERO = -9999999999.0


class Bleu(Metric):
    """Columns: hypothesis length, reference length, matches by order, n-grams by order."""

    name = "bleu"
    label = "BLEU"

    def __init__(
        self,
        tokenizer: Tokenizer,
        lowercase: bool = False,
        max_order: int = 4,
        smooth: str = "exp",
        smooth_value: float | None = None,
        effective_order: bool = False,
    ) -> None:
        self.tokenizer = tokenizer
        self.lowercase = lowercase
        self.max_order = max_order
        self.smooth = smooth
        self.smooth_value = SMOOTHINGS[smooth] if smooth_value is None else smooth_value
        self.effective_order = effective_order
        self.columns = 2 + 2 * max_order

    def signature_fields(self) -> list[tuple[str, str]]:
        smooth = self.smooth
        if SMOOTHINGS[smooth] is not None:
            smooth += f"[{self.smooth_value:.2f}]"
        return [
            ("case", "lc" if self.lowercase else "mixed"),
            ("eff", "yes" if self.effective_order else "no"),
            ("tok", self.tokenizer.signature),
            ("smooth", smooth),
        ]

    def prepare(self, data: bytes) -> bytes:
        return self.tokenizer.prepare(data.decode().lower().encode() if self.lowercase else data)

    def words(self, line: str) -> list[str]:
        return self.tokenizer.words(line.lower() if self.lowercase else line)

    def count(self, batch: Batch, system: int, threads: int) -> array[float]:
        from seqtool_bleu.ngram_kernels import bleu_columns

        rows = array("d", bytes(8 * self.columns * batch.segments))
        classes = self.tokenizer.classes()

        def make_worker() -> Callable[[int, int], None]:
            w = Workspace(batch, self.max_order)

            def work(first: int, last: int) -> None:
                bleu_columns(
                    batch.codes, batch.starts, batch.segments, batch.references,
                    batch.references + system, batch.present, first, last,
                    self.tokenizer.kernel, classes, self.max_order, w.arena, w.scratch, w.words,
                    w.symbols, w.bounds, w.prefixes, w.grams, w.counts, rows,
                )  # fmt: skip

            return work

        count_in_shards(batch, make_worker, threads)
        return rows

    def score(self, stats: Sequence[float]) -> float:
        precisions = self._precisions(stats)
        order = self.max_order
        if self.effective_order:
            totals = self._smoothed(stats)[1]
            order = next((n for n, total in enumerate(totals) if total == 0), order)
        if not any(precisions):
            return 0.0
        logs = [math.log(p) if p != 0.0 else _LOG_OF_ZERO for p in precisions[:order]]
        return self.brevity_penalty(stats) * math.exp(sum(logs) / order)

    @staticmethod
    def brevity_penalty(stats: Sequence[float]) -> float:
        """exp(1 - reference / hypothesis) for a hypothesis shorter than the reference, else 1."""
        hyp, ref = int(stats[0]), int(stats[1])
        if hyp >= ref:
            return 1.0
        return math.exp(1 - ref / hyp) if hyp > 0 else 0.0

    def _smoothed(self, stats: Sequence[float]) -> tuple[list[float], list[float]]:
        """Matches and n-grams by order, after add-k smoothing if that is chosen."""
        matches = list(stats[2 : 2 + self.max_order])
        totals = list(stats[2 + self.max_order :])
        if self.smooth == "add-k":
            k = cast(float, self.smooth_value)
            for n in range(1, self.max_order):
                matches[n] += k
                totals[n] += k
        return matches, totals

    def _precisions(self, stats: Sequence[float]) -> list[float]:
        """Smoothed n-gram precisions in percent, by order; zeros when nothing matches at all."""
        precisions = [0.0] * self.max_order
        if not any(stats[2 : 2 + self.max_order]):
            return precisions
        halving = 1.0
        for n, (match, total) in enumerate(zip(*self._smoothed(stats), strict=True)):
            if total == 0:
                break
            if match != 0:
                precisions[n] = 100.0 * match / total
            elif self.smooth == "exp":
                halving *= 2
                precisions[n] = 100.0 / (halving * total)
            elif self.smooth == "floor":
                precisions[n] = 100.0 * cast(float, self.smooth_value) / total
        return precisions

    def details(self, stats: Sequence[float]) -> dict[str, object]:
        return {
            "precisions": [float(p) for p in self._precisions(stats)],
            "matches": [int(x) for x in stats[2 : 2 + self.max_order]],
            "ngrams": [int(x) for x in stats[2 + self.max_order :]],
            "brevity_penalty": self.brevity_penalty(stats),
            "length_ratio": stats[0] / stats[1] if stats[1] else 0.0,
            "hyp_length": int(stats[0]),
            "ref_length": int(stats[1]),
        }

    def describe(self, stats: Sequence[float]) -> str:
        precisions = "/".join(f"{p:.1f}" for p in self._precisions(stats))
        ratio = stats[0] / stats[1] if stats[1] else 0.0
        return (
            f"{precisions} (BP = {self.brevity_penalty(stats):.3f} ratio = {ratio:.3f} "
            f"hyp_len = {int(stats[0])} ref_len = {int(stats[1])})"
        )

    def score_samples(self, sums: Samples) -> Samples:
        """Scores of many summed columns at once."""
        from seqtool_bleu.sample_scores import bleu_samples

        return bleu_samples(
            sums, self.max_order, self.smooth, self.smooth_value, self.effective_order
        )
