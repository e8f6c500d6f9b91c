"""A corpus as one file of word numbers, which training maps instead of holding it in memory."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from typing import IO, TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from seqtool.errors import SeqtoolError
from seqtool.parallel import for_each
from seqtool.text import open_bytes
from seqtool.words.blocks import TextBlock, text_blocks
from seqtool.words.table import WordTable
from seqtool_train_embeddings.vocabulary import Transform, Vocabulary, prepared
from seqtool_train_embeddings.window_kernels import LONGEST_SENTENCE
from seqtool_train_embeddings.word_kernels import cut_sentences, encode_text

if TYPE_CHECKING:
    from seqtool.progress import Progress

Ids = npt.NDArray[np.int32]

_UNCUT = 1 << 62
_BLOCKS_A_ROUND = 8  # of text for each thread
_COPY_BYTES = 1 << 20
_CHECKED_AT_ONCE = 1 << 20


def spool_stdin(paths: Sequence[str], folder: str) -> list[str]:
    """The paths with a copy of stdin, made in ``folder``, in place of ``-``.

    A corpus is read twice, stdin can be read once. Raises SeqtoolError if it is named twice.
    """
    if list(paths).count("-") > 1:
        raise SeqtoolError("stdin ('-') can be read only once: name it once")
    if "-" not in paths:
        return list(paths)
    copy = os.path.join(folder, "stdin")
    with open_bytes("-") as source, open(copy, "wb") as target:
        shutil.copyfileobj(source, target, _COPY_BYTES)
    return [copy if path == "-" else path for path in paths]


def encode_corpus(
    paths: Sequence[str],
    vocabulary: Vocabulary,
    output: str,
    *,
    lowercase: bool = False,
    errors: str = "strict",
    threads: int = 1,
    max_sentence: int | None = LONGEST_SENTENCE,
    window: Literal["lines", "document"] = "lines",
    progress: Progress | None = None,
    transform: Transform | None = None,
) -> int:
    """Write files as a stream of int32 word numbers (in this machine's byte order) to ``output``.

    Words that are not in the vocabulary are left out. -1 ends every sentence that has a word:
    a line or, with ``window="document"``, all lines up to a blank one or the end of the file.
    Sentences of over ``max_sentence`` words are cut; None leaves them whole. ``output`` is
    complete or not there. Arguments else are those of `count_words`; the result does not depend
    on ``threads``. Returns the number of words written.
    """
    table = WordTable(0)
    table.add(word.encode() for word in vocabulary.words)
    documents = int(window == "document")
    state = np.zeros(2, np.int64)
    blocks = text_blocks(paths, errors)
    with replaced_file(output) as file:
        while batch := list(enumerate(islice(blocks, threads * _BLOCKS_A_ROUND))):
            encoded: list[Ids] = [np.empty(0, np.int32)] * len(batch)

            def encode(item: tuple[int, TextBlock], encoded: list[Ids] = encoded) -> None:
                number, block = item
                text = prepared(block, lowercase, transform)
                ids = np.empty(len(text), np.int32)
                size = encode_text(
                    text, documents, table.arena, table.starts, table.slots, table.mask, ids
                )
                encoded[number] = ids[:size]

            for_each(batch, lambda: encode, threads)
            for ids in encoded:
                cut = np.empty(2 * len(ids), np.int32)
                size = cut_sentences(ids, len(ids), max_sentence or _UNCUT, state, cut)
                cut[:size].tofile(file)
            if progress:
                progress.advance(sum(len(block.data) for _, block in batch))
    return int(state[1])


def open_corpus(path: str, words: int | None = None) -> Ids:
    """Map a file of `encode_corpus` for reading.

    Raises SeqtoolError if it is no such file or, with ``words``, the size of the vocabulary, if
    it holds a number of no word.
    """
    try:
        size = os.path.getsize(path)
    except FileNotFoundError:
        raise SeqtoolError(f"{path}: no such file") from None
    if size % 4:
        raise SeqtoolError(f"{path}: {size:,} bytes are no stream of 32-bit word numbers")
    if size == 0:  # which cannot be mapped
        return np.empty(0, np.int32)
    ids: Ids = np.memmap(path, np.int32, mode="r")
    if words is not None:
        for begin in range(0, len(ids), _CHECKED_AT_ONCE):
            part = ids[begin : begin + _CHECKED_AT_ONCE]
            if part.min() < -1 or part.max() >= words:
                raise SeqtoolError(f"{path}: it names words that do not exist: it is damaged")
    return ids


@contextmanager
def replaced_file(path: str) -> Iterator[IO[bytes]]:
    """Open a file for writing that takes the place of ``path`` when the block ends well."""
    temporary = f"{path}.{os.getpid()}.tmp"
    try:
        with open(temporary, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException as error:
        with suppress(OSError):
            os.unlink(temporary)
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise SeqtoolError(
                f"{path}: no space left for temporary files: set TMPDIR to a larger disk"
            ) from error
        raise
