"""TER (Snover et al. 2006), as Tercom computes it."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from seqtool.errors import SeqtoolError
from seqtool_bleu.batch import Batch, Workspace, count_in_shards
from seqtool_bleu.metric import Metric

if TYPE_CHECKING:
    from seqtool_bleu.sample_scores import Samples

# The distance matrix of such a line takes 100 MB in each thread.
MOST_WORDS = 5_000


class Ter(Metric):
    """Columns: edits, mean length of the references."""

    name = "ter"
    label = "TER"
    higher_is_better = False
    columns = 2

    def __init__(
        self,
        normalized: bool = False,
        no_punct: bool = False,
        asian_support: bool = False,
        case_sensitive: bool = False,
    ) -> None:
        self.normalized = normalized
        self.no_punct = no_punct
        self.asian_support = asian_support
        self.case_sensitive = case_sensitive

    def signature_fields(self) -> list[tuple[str, str]]:
        return [
            ("case", "mixed" if self.case_sensitive else "lc"),
            ("tok", "tercom"),
            ("norm", "yes" if self.normalized else "no"),
            ("punct", "no" if self.no_punct else "yes"),
            ("asian", "yes" if self.asian_support else "no"),
        ]

    def prepare(self, data: bytes) -> bytes:
        text = data.decode()
        if not self.case_sensitive:
            text = text.lower()
        if self.normalized or self.no_punct:
            from seqtool_bleu.tercom import rewrite

            text = rewrite(text, self.normalized, self.no_punct, self.asian_support)
        return text.encode()

    def prepare_references(self, data: bytes) -> bytes:
        """Rewrite references as the reference tool does: twice.

        That makes a difference to ``it's.``: only the second pass finds a space behind ``'s``.
        """
        data = self.prepare(data)
        if not self.normalized:
            return data
        lines = data.decode().split("\n")[:-1]
        return self.prepare("".join(f"{' '.join(line.split())}\n" for line in lines).encode())

    def words(self, line: str) -> list[str]:
        return self.prepare(f"{line}\n".encode()).decode().split()

    def steps(self, characters: int, lines: int) -> int:
        return 60 * characters

    def count(self, batch: Batch, system: int, threads: int) -> array[float]:
        from seqtool_bleu.ter_kernels import most_words, ter_columns

        rows = array("d", bytes(8 * self.columns * batch.segments))
        most = most_words(batch.codes, batch.starts, len(batch.starts) - 1)
        if most > MOST_WORDS:
            raise SeqtoolError(
                f"a line of {most:,} words after segment {batch.first_segment:,}: TER takes at "
                f"most {MOST_WORDS:,} words a line"
            )

        def make_worker() -> Callable[[int, int], None]:
            w = Workspace(batch, 0)
            hyp, shifted, aligned, ref_errors, hyp_errors = (
                array("q", bytes(8 * (most + 1))) for _ in range(5)
            )
            costs = array("i", bytes(4 * (most + 3) * (most + 1)))
            best = array("q", bytes(8 * 4))

            def work(first: int, last: int) -> None:
                ter_columns(
                    batch.codes, batch.starts, batch.segments, batch.references,
                    batch.references + system, batch.present, first, last, w.arena, w.scratch,
                    w.words, w.symbols, w.bounds, hyp, shifted, costs, aligned, ref_errors,
                    hyp_errors, best, rows,
                )  # fmt: skip

            return work

        count_in_shards(batch, make_worker, threads)
        return rows

    def score(self, stats: Sequence[float]) -> float:
        edits, ref_length = stats
        if ref_length > 0:
            return 100 * (edits / ref_length)
        return 100.0 if edits > 0 else 0.0

    def details(self, stats: Sequence[float]) -> dict[str, object]:
        return {"edits": int(stats[0]), "ref_length": float(stats[1])}

    def score_samples(self, sums: Samples) -> Samples:
        """Scores of many summed columns at once."""
        from seqtool_bleu.sample_scores import ter_samples

        return ter_samples(sums)
