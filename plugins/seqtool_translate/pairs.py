"""Parallel text: lines of one language, and the same in another."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from seqtool.errors import SeqtoolError
from seqtool.nn.hold_back import hold_back as choose_held_back
from seqtool.text import (
    aligned_blocks,
    display_name,
    expand_patterns,
    explain_bad_bytes,
    numbered_lines,
)

Lines = list[str]


class Pairs(NamedTuple):
    """Lines of a source and what they are in the target language, without white space around.

    ``sha256`` is that of what was read, pair by pair; ``empty`` the number of pairs that were left
    out because a side of them is empty.
    """

    source: Lines
    target: Lines
    sha256: str
    empty: int


class Files(NamedTuple):
    """Where parallel text is: files of both sides, or files with a tab between the sides."""

    source: Sequence[str] = ()
    target: Sequence[str] = ()
    both: Sequence[str] = ()

    @property
    def names(self) -> str:
        """For messages."""
        return ", ".join(map(display_name, (*self.both, *self.source, *self.target)))


def find_files(source: Sequence[str], target: Sequence[str], both: Sequence[str] = ()) -> Files:
    """The files of patterns. Raises SeqtoolError where one is missing, or has no other side."""
    files = Files(*(expand_patterns(patterns) for patterns in (source, target, both)))
    if len(files.source) != len(files.target):
        raise SeqtoolError(
            f"{len(files.source)} source files ({', '.join(files.source)}), but "
            f"{len(files.target)} target files ({', '.join(files.target)}): each needs the other"
        )
    if [*files.source, *files.target, *files.both].count("-") > 1:
        raise SeqtoolError("stdin ('-') can be read only once: name it once")
    return files


def read_pairs(files: Files, errors: str) -> Pairs:
    """All pairs of files but those with an empty side.

    Raises SeqtoolError for files whose lines do not match, for a line without a tab, for bytes
    that are not UTF-8, and when there are no pairs.
    """
    found = Pairs([], [], "", 0)
    digest = hashlib.sha256()
    empty = 0
    for source, target in _pairs_of(files, errors):
        digest.update(f"{source}\t{target}\n".encode("utf-8", "replace"))
        first, second = source.strip(), target.strip()
        if first and second:
            found.source.append(first)
            found.target.append(second)
        else:
            empty += 1
    if not found.source:
        raise SeqtoolError(f"{files.names}: no pairs of lines: there is nothing to learn from")
    return found._replace(sha256=digest.hexdigest(), empty=empty)


def _pairs_of(files: Files, errors: str) -> Iterator[tuple[str, str]]:
    for path in files.both:
        yield from _tab_separated(path, errors)
    for pair in zip(files.source, files.target, strict=True):
        lines = 0
        for blocks in aligned_blocks(pair, errors):
            for block, path in zip(blocks, pair, strict=True):
                explain_bad_bytes(block, path, lines)
            source, target = (block.decode("utf-8").split("\n")[:-1] for block in blocks)
            lines += len(source)
            yield from zip(source, target, strict=True)


def _tab_separated(path: str, errors: str) -> Iterator[tuple[str, str]]:
    """The first two fields of every line."""
    for number, line in numbered_lines(path, errors):
        source, tab, rest = line.partition("\t")
        if not tab and line.strip():
            raise SeqtoolError(
                f"{display_name(path)}:{number}: no tab: a line is a source, a tab and a target "
                "(or name two files by --source and --target)"
            )
        yield source, rest.partition("\t")[0]


def hold_back(pairs: Pairs, share: float, seed: int) -> tuple[Pairs, Pairs]:
    """(pairs to train on, to validate on); see `seqtool.nn.hold_back`."""
    kept, held = choose_held_back(len(pairs.source), share, seed, "pairs", "give files")
    return take(pairs, kept), take(pairs, held)


def take(pairs: Pairs, numbers: Sequence[int]) -> Pairs:
    """Some of the pairs."""
    return pairs._replace(
        source=[pairs.source[number] for number in numbers],
        target=[pairs.target[number] for number in numbers],
    )
