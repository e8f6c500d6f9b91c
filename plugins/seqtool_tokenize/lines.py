"""Lines of files as batches: what is there at once, so that a slow stream comes line by line."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from seqtool.kernels import expect
from seqtool.text import display_name, explain_bad_bytes, read_blocks
from seqtool.tokenizers.batches import batch_of_lines
from seqtool.tokenizers.types import Batch

_BATCH_BYTES = 4 << 20
_STEPS_A_BYTE = 50  # that kernels take to split and encode: a short text is not worth compiling for
_WAITING_BLOCKS = 32  # that are read ahead; of seqtool.text.BLOCK_BYTES or a line each


class Lines(NamedTuple):
    """Some whole lines of a file; ``text`` ends every line with a newline."""

    text: bytes
    path: str
    before: int  # lines of the file that came before

    def batch(self) -> Batch:
        """The lines without their newlines."""
        return batch_of_lines(self.text)

    def place(self, line: int) -> str:
        """``file:number`` of a line of these, counted from 0."""
        return f"{display_name(self.path)}:{self.before + line + 1}"


def expect_files(paths: Sequence[str]) -> None:
    """Tell the kernels how much they will have to do for all text of some files."""
    if all(os.path.isfile(path) for path in paths):  # who knows how long a stream is?
        expect(sum(os.path.getsize(path) for path in paths) * _STEPS_A_BYTE)


def read_lines(files: Sequence[str], errors: str) -> Iterator[Lines]:
    """The lines of files (``-`` and none: stdin), in batches of one file each.

    A thread reads ahead: a batch is all that has come meanwhile. Raises SeqtoolError for what
    cannot be read and, unless ``errors`` is "replace", for bytes that are not UTF-8.
    """
    ahead = _ReadAhead(files or ["-"], errors)
    seen = 0
    try:
        while first := ahead.get():
            parts, size = [first.text], len(first.text)
            while size < _BATCH_BYTES and (more := ahead.get_at_once(first.path)):
                parts.append(more.text)
                size += len(more.text)
            seen += size
            expect(seen * _STEPS_A_BYTE)
            yield first._replace(text=b"".join(parts))
    finally:
        ahead.stopped.set()


class _ReadAhead:
    """Blocks of files, read by a thread of its own."""

    def __init__(self, files: Sequence[str], errors: str) -> None:
        self.stopped = threading.Event()
        self._waiting: queue.Queue[Lines | BaseException | None] = queue.Queue(_WAITING_BLOCKS)
        self._held: list[Lines | BaseException | None] = []
        threading.Thread(target=self._read, args=(files, errors), daemon=True).start()

    def get(self) -> Lines | None:
        """The next block, waited for; None at the end. Raises what reading raised."""
        item = self._held.pop() if self._held else self._waiting.get()
        if isinstance(item, BaseException):
            raise item
        return item

    def get_at_once(self, path: str) -> Lines | None:
        """The next block if it is there and of this file."""
        if not self._held:
            try:
                self._held.append(self._waiting.get_nowait())
            except queue.Empty:
                return None
        item = self._held[0]
        if isinstance(item, Lines) and item.path == path:
            self._held.clear()
            return item
        return None

    def _read(self, files: Sequence[str], errors: str) -> None:
        try:
            for path in files:
                before = 0
                for text in read_blocks(path, errors):
                    explain_bad_bytes(text, path, before)
                    self._put(Lines(text, path, before))
                    before += text.count(b"\n")
            self._put(None)
        except BaseException as error:
            self._put(error)

    def _put(self, item: Lines | BaseException | None) -> None:
        while not self.stopped.is_set():
            try:
                self._waiting.put(item, timeout=0.1)
                return
            except queue.Full:
                continue
        raise SystemExit  # nobody takes any more: ends this thread only
