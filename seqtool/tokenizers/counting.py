"""The words of a corpus as a tokenizer sees them, counted in one pass and in bounded memory."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from seqtool.parallel import for_each
from seqtool.tokenizers.batches import batch_of_lines
from seqtool.tokenizers.counting_kernels import count_words_of_texts, gather_words
from seqtool.tokenizers.normalize import Normalizer
from seqtool.tokenizers.pretokenize import Pretokenizer
from seqtool.tokenizers.types import Batch, WordCounts
from seqtool.words.blocks import TextBlock, text_blocks
from seqtool.words.counter import Counter
from seqtool.words.table import Merged, WordTable

if TYPE_CHECKING:
    from seqtool.progress import Progress


def count_words(
    paths: Sequence[str],
    *,
    normalizer: Normalizer,
    pretokenizer: Pretokenizer,
    min_count: int = 1,
    memory: int = 1 << 30,
    threads: int = 1,
    errors: str = "strict",
    progress: Progress | None = None,
    folder: str | None = None,
) -> WordCounts:
    """Count the words of the lines of files.

    Args:
        paths: files, compressed or not; ``-`` is stdin.
        normalizer: applied to every line first.
        pretokenizer: cuts lines, without their newlines, into words.
        min_count: words that occur less often are left out.
        memory: bytes for the tables. What does not fit is spilled to sorted files and merged at
            the end: counts are exact whatever the memory. The words kept must fit anyway.
        threads: how many threads count; the result does not depend on it.
        errors: ``strict`` or ``replace``, for bytes that are not UTF-8.
        progress: advanced by the bytes of text read.
        folder: where temporary files go; the system's folder for them if None.

    Raises SeqtoolError for files that cannot be read.
    """
    digest = hashlib.sha256()

    def on_block(data: bytes) -> None:
        digest.update(data)
        if progress:
            progress.advance(len(data))

    with tempfile.TemporaryDirectory(prefix="seqtool-words-", dir=folder) as work:
        counter = Counter(work, memory, threads)

        def make_worker() -> Callable[[TextBlock], None]:
            table = counter.new_table()

            def count(block: TextBlock) -> None:
                block.check()
                batch = normalizer.apply(batch_of_lines(block.data))
                _count_batch(batch, pretokenizer, table, counter)

            return count

        for_each(text_blocks(paths, errors, on_block), make_worker, threads)
        counted = counter.finish(min_count, memory)
    return _most_frequent_first(counted, min_count, digest.hexdigest())


def _count_batch(
    batch: Batch, pretokenizer: Pretokenizer, table: WordTable, counter: Counter
) -> None:
    place = np.zeros(1, np.int64)

    def count_from(at: int) -> int:
        return count_words_of_texts(
            batch.data, batch.starts, at, place, pretokenizer.kind, pretokenizer.classes,
            table.arena, table.starts, table.counts, table.slots, table.mask, table.state,
        )  # fmt: skip

    table.count_with(count_from, len(batch.data), counter.spill)


def _most_frequent_first(counted: WordTable | Merged, min_count: int, sha256: str) -> WordCounts:
    order = counted.order(min_count)
    order = order[np.argsort(-counted.counts[order], kind="stable")]
    lengths = counted.starts[order + 1] - counted.starts[order]
    data = np.empty(int(lengths.sum()), np.uint8)
    starts = np.zeros(len(order) + 1, np.int64)
    gather_words(counted.arena, counted.starts, order, data, starts)
    return WordCounts(data, starts, counted.counts[order], sha256)
