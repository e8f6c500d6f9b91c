"""Word and character error rate, as speech recognition reports them."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from seqtool_bleu.batch import Batch, Workspace, count_in_shards
from seqtool_bleu.metric import Metric

if TYPE_CHECKING:
    from seqtool_bleu.sample_scores import Samples


class ErrorRate(Metric):
    """Columns: substitutions, deletions, insertions, hits, length of the reference.

    Of several references the one with the fewest edits counts.
    """

    higher_is_better = False
    columns = 5

    def __init__(self, name: str, lowercase: bool = False) -> None:
        self.name = name
        self.label = name.upper()
        self.characters = name == "cer"
        self.lowercase = lowercase

    def signature_fields(self) -> list[tuple[str, str]]:
        return [
            ("case", "lc" if self.lowercase else "mixed"),
            ("tok", "char" if self.characters else "none"),
        ]

    def prepare(self, data: bytes) -> bytes:
        return data.decode().lower().encode() if self.lowercase else data

    def words(self, line: str) -> list[str]:
        return line.lower().split() if self.lowercase else line.split()

    def steps(self, characters: int, lines: int) -> int:
        line = characters // lines
        return characters * (20 + (3 * line if self.characters else line // 6))

    def count(self, batch: Batch, system: int, threads: int) -> array[float]:
        from seqtool_bleu.error_kernels import error_columns

        rows = array("d", bytes(8 * self.columns * batch.segments))

        def make_worker() -> Callable[[int, int], None]:
            w = Workspace(batch, 0)
            table = array("q", bytes(8 * 8 * (batch.longest + 1)))

            def work(first: int, last: int) -> None:
                error_columns(
                    batch.codes, batch.starts, batch.segments, batch.references,
                    batch.references + system, batch.present, first, last, int(self.characters),
                    w.arena, w.scratch, w.words, w.symbols, w.bounds, table, rows,
                )  # fmt: skip

            return work

        count_in_shards(batch, make_worker, threads)
        return rows

    def score(self, stats: Sequence[float]) -> float:
        edits = stats[0] + stats[1] + stats[2]
        if stats[4] > 0:
            return 100 * (edits / stats[4])
        return 100.0 if edits > 0 else 0.0

    def details(self, stats: Sequence[float]) -> dict[str, object]:
        names = ("substitutions", "deletions", "insertions", "hits", "ref_length")
        return {name: int(value) for name, value in zip(names, stats, strict=True)}

    def describe(self, stats: Sequence[float]) -> str:
        substitutions, deletions, insertions, hits, length = (int(x) for x in stats)
        return (
            f"(sub = {substitutions} del = {deletions} ins = {insertions} "
            f"hits = {hits} ref_len = {length})"
        )

    def score_samples(self, sums: Samples) -> Samples:
        """Scores of many summed columns at once."""
        from seqtool_bleu.sample_scores import error_rate_samples

        return error_rate_samples(sums)
