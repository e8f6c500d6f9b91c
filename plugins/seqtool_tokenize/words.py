"""`seqtool tokenize words` and `count`: words by rules, without a model."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from seqtool.output import open_binary_output
from seqtool.parallel import for_each
from seqtool.progress import Progress
from seqtool.text import expand_patterns
from seqtool.tokenizers.batches import batch_of_lines
from seqtool.tokenizers.normalize import Normalizer
from seqtool.tokenizers.types import Batch
from seqtool.tokenizers.word_rules import split_words
from seqtool.words.blocks import TextBlock, text_blocks
from seqtool.words.counter import Counter
from seqtool.words.table import Merged, WordTable
from seqtool_tokenize.lines import expect_files, read_lines


def _word_lines(rules: str, batch: Batch, threads: int) -> bytes:
    """A line a text: its words, separated by spaces."""
    lines = [b" ".join(words) for words in split_words(rules, batch, threads)]
    return b"\n".join([*lines, b""])


def run_words(files: Sequence[str], settings: Mapping[str, Any]) -> None:
    """Write the words of files line by line. Raises SeqtoolError."""
    with open_binary_output(settings["output"]) as out:
        for lines in read_lines(files, settings["errors"]):
            out.write(_word_lines(settings["rules"], lines.batch(), settings["threads"]))
            out.flush()


def run_count(files: Sequence[str], settings: Mapping[str, Any]) -> None:
    """Write how often each word of files occurs. Raises SeqtoolError."""
    paths = expand_patterns(files or ["-"])
    expect_files(paths)
    normalizer = Normalizer(lowercase=settings["lowercase"])
    with (
        tempfile.TemporaryDirectory(prefix="seqtool-count-") as folder,
        Progress("counting words", "bytes", quiet=settings["quiet"]) as progress,
    ):
        counter = Counter(folder, settings["memory"], settings["threads"])

        def make_worker() -> Callable[[TextBlock], None]:
            table = counter.new_table()

            def count(block: TextBlock) -> None:
                block.check()
                batch = normalizer.apply(batch_of_lines(block.data))
                table.count(_word_lines(settings["rules"], batch, 1), counter.spill)

            return count

        blocks = text_blocks(paths, settings["errors"], lambda data: progress.advance(len(data)))
        for_each(blocks, make_worker, settings["threads"])
        counted = counter.finish(settings["min_frequency"], settings["memory"])
        _write_counts(counted, settings["min_frequency"], settings["output"])


def _write_counts(counted: WordTable | Merged, min_count: int, output: str | None) -> None:
    """Lines of word and count, the most frequent first, ties by their bytes."""
    order = counted.order(min_count)
    order = order[np.argsort(-counted.counts[order], kind="stable")]
    starts = counted.starts
    with open_binary_output(output) as out:
        for begin, end, count in zip(
            starts[order].tolist(),
            starts[order + 1].tolist(),
            counted.counts[order].tolist(),
            strict=True,
        ):
            out.write(b"%b\t%d\n" % (bytes(counted.arena[begin:end]), count))
