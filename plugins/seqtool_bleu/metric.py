"""What a metric is: numbers counted for each segment, and a score of their sums."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from seqtool_bleu.batch import Batch


class Metric:
    """Base of all metrics. One object holds one choice of options.

    A segment contributes ``columns`` numbers; the corpus score is a function of their sums, so
    corpora may be cut, resampled and merged freely. A metric of another package implements
    ``segment``; the built-in ones replace ``count`` by kernels.
    """

    name = ""  # what --metric calls it
    label = ""  # what results call it
    higher_is_better = True
    columns = 0

    def signature_fields(self) -> list[tuple[str, str]]:
        """The choices that change the score, as (key, value) pairs in a fixed order."""
        return []

    def prepare(self, data: bytes) -> bytes:
        """Rewrite some lines of UTF-8 before they are counted; their number must stay.

        May raise UnicodeDecodeError.
        """
        return data

    def prepare_references(self, data: bytes) -> bytes:
        """What `prepare` does to hypotheses, for lines of references."""
        return self.prepare(data)

    def segment(self, hypothesis: str, references: Sequence[str]) -> Sequence[float]:
        """The numbers of one segment."""
        raise NotImplementedError

    def count(self, batch: Batch, system: int, threads: int) -> array[float]:
        """The numbers of all segments of a batch, row after row."""
        rows = array("d")
        for segment in range(batch.segments):
            references = batch.reference_lines(segment)
            rows.extend(self.segment(batch.line(batch.references + system, segment), references))
        return rows

    def steps(self, characters: int, lines: int) -> int:
        """About how long counting takes without compiled kernels, in tenths of a microsecond."""
        return 15 * characters

    def score(self, stats: Sequence[float]) -> float:
        """The score of summed columns. Must keep to numpy's float32 if they are float32."""
        raise NotImplementedError

    def details(self, stats: Sequence[float]) -> dict[str, object]:
        """Named numbers behind the score, for JSON."""
        return {}

    def describe(self, stats: Sequence[float]) -> str:
        """What text output says behind the score."""
        return ""

    def words(self, line: str) -> list[str]:
        """The words of a line, for reports on lengths and frequencies."""
        return line.split()
