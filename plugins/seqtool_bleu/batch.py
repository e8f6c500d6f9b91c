"""Some segments of all files at once, in the form that kernels read."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence

from seqtool.errors import SeqtoolError
from seqtool.parallel import for_each
from seqtool.text import explain_bad_bytes
from seqtool.words.mteval_kernels import GROWTH, PADDING
from seqtool_bleu.text_kernels import decode_lines, table_size

LONGEST_LINE = 1_000_000
_SHARDS_A_THREAD = 8
_SMALLEST_SHARD = 64


class Batch:
    """Lines of the references and of the systems for the same segments.

    ``texts`` holds one text a file, references first, as UTF-8; each has ``segments`` lines that
    end in a newline. Line ``file * segments + segment`` of ``codes`` (code points) begins at
    ``starts[line]``; ``present[line]`` is 0 for a reference that does not exist.
    """

    def __init__(
        self, texts: Sequence[bytes], references: int, first_segment: int, skip_empty: bool
    ) -> None:
        self.texts = texts
        self.references = references
        self.first_segment = first_segment
        self.segments = texts[0].count(b"\n")
        self.present = bytearray(b"\1") * (references * self.segments)
        if skip_empty:
            self._mark_missing()
        self.codes = array("I")
        self.starts = array("q")
        self.longest = 0

    def encode(
        self, prepare_references: Callable[[bytes], bytes], prepare: Callable[[bytes], bytes]
    ) -> None:
        """Fill ``codes``, ``starts`` and ``longest`` from the texts as a metric wants them.

        Raises UnicodeDecodeError for bytes that are not UTF-8.
        """
        references, systems = self.texts[: self.references], self.texts[self.references :]
        data = prepare_references(b"".join(references)) + prepare(b"".join(systems))
        self.codes = array("I", [0]) * len(data)
        self.starts = array("q", [0]) * (len(self.texts) * self.segments + 1)
        self.longest = decode_lines(data, self.codes, self.starts)
        if self.longest < 0:
            data.decode()
            raise AssertionError("Python decodes what the kernel does not")
        if self.longest > LONGEST_LINE:
            self._refuse_long_line()

    def explain_bad_bytes(self, paths: Sequence[str]) -> None:
        """Raise SeqtoolError that names file and line of the first bytes that are not UTF-8."""
        for text, path in zip(self.texts, paths, strict=True):
            explain_bad_bytes(text, path, self.first_segment)

    def line(self, file: int, segment: int) -> str:
        """A line as text, without its newline. Slow: for metrics that have no kernel."""
        start = self.starts[file * self.segments + segment]
        end = self.starts[file * self.segments + segment + 1] - 1
        return "".join(map(chr, self.codes[start:end]))

    def reference_lines(self, segment: int) -> list[str]:
        """The references that a segment has."""
        return [
            self.line(r, segment)
            for r in range(self.references)
            if self.present[r * self.segments + segment]
        ]

    def reference_counts(self) -> set[int]:
        """All the numbers of references that segments have."""
        if 0 not in self.present:
            return {self.references}
        return {sum(self.present[s :: self.segments]) for s in range(self.segments)}

    def _mark_missing(self) -> None:
        for r in range(self.references):
            for segment, line in enumerate(self.texts[r].split(b"\n")[:-1]):
                if not line.strip():
                    self.present[r * self.segments + segment] = 0
        for segment in range(self.segments):
            if not any(self.present[segment :: self.segments]):
                raise SeqtoolError(
                    f"segment {self.first_segment + segment + 1:,} has no reference in any file: "
                    "remove it from all files, or run without --skip-empty-refs"
                )

    def _refuse_long_line(self) -> None:
        for line in range(len(self.starts) - 1):
            length = self.starts[line + 1] - self.starts[line] - 1
            if length > LONGEST_LINE:
                segment = self.first_segment + line % self.segments + 1
                raise SeqtoolError(
                    f"segment {segment:,} has {length:,} characters; the longest that can be "
                    f"scored has {LONGEST_LINE:,}: is it one sentence a line?"
                )


class Workspace:
    """Scratch memory of one thread, for segments of up to ``batch.longest`` characters.

    ``grams`` is how many n-grams of references a segment may have for each character.
    """

    def __init__(self, batch: Batch, grams: int) -> None:
        line = batch.longest + 1
        lines = batch.references + 1
        grown = GROWTH * line + PADDING
        self.arena = array("I", bytes(4 * lines * grown))
        self.scratch = array("I", bytes(4 * grown))
        self.words = array("q", bytes(8 * table_size(lines * line)))
        self.symbols = array("q", bytes(8 * lines * line))
        self.prefixes = array("q", bytes(8 * lines * line))
        self.bounds = array("q", bytes(8 * (lines + 1)))
        self.grams = array("q", bytes(8 * table_size(grams * lines * line)))
        self.counts = array("q", bytes(8 * 3 * (grams * lines * line + 1)))


def count_in_shards(
    batch: Batch, make_worker: Callable[[], Callable[[int, int], None]], threads: int
) -> None:
    """Call ``worker(first, last)`` for pieces of the batch; each thread makes its own worker."""
    size = max(_SMALLEST_SHARD, -(-batch.segments // (threads * _SHARDS_A_THREAD)))
    shards = [(i, min(i + size, batch.segments)) for i in range(0, batch.segments, size)]

    def make() -> Callable[[tuple[int, int]], None]:
        worker = make_worker()
        return lambda shard: worker(*shard)

    for_each(shards, make, min(threads, len(shards)))
