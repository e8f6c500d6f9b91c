"""Labelled texts out of files: ``label TAB text``, CSV, JSONL, fastText's ``__label__x text``."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, dropwhile, islice
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from seqtool.errors import SeqtoolError
from seqtool.text import display_name, expand_patterns, explain_bad_bytes, read_blocks

FASTTEXT = "__label__"
_AT_ONCE = 4096  # texts
_PACKED = (".gz", ".xz", ".bz2", ".zst")

Lines = Iterable[tuple[int, str]]


class Columns(NamedTuple):
    """Names of the fields that hold label and text; None: "label" and "text"."""

    label: str | None = None
    text: str | None = None


class Labelled(NamedTuple):
    """Texts and their labels. ``sha256`` is that of both, text by text."""

    texts: list[str]
    labels: list[str]
    sha256: str


class Example(NamedTuple):
    """A text of a file, its label, and the line it begins in."""

    line: int
    label: str
    text: str


class Part(NamedTuple):
    """Some texts of a file, their labels, and the lines they begin in."""

    lines: Sequence[int]
    labels: Sequence[str]
    texts: Sequence[str]


def read_labelled(files: Sequence[str], columns: Columns, errors: str) -> Labelled:
    """All texts of files. Raises SeqtoolError, with file and line, for what is no labelled text."""
    texts: list[str] = []
    labels: list[str] = []
    digest = hashlib.sha256()
    known: dict[str, str] = {}
    for path in expand_patterns(files):
        for part in read_parts(path, columns, errors):
            for given in dict.fromkeys(part.labels):
                if given not in known:
                    line = part.lines[part.labels.index(given)]
                    known[given] = _checked_label(given, f"{display_name(path)}:{line}")
            found = [known[given] for given in part.labels]
            pairs = zip(found, part.texts, strict=True)
            lines = "".join([f"{label}\t{text}\n" for label, text in pairs])
            digest.update(lines.encode("utf-8", "replace"))
            labels += found
            texts += part.texts
    if not texts:
        raise SeqtoolError(f"{', '.join(map(display_name, files))}: no labelled texts")
    return Labelled(texts, labels, digest.hexdigest())


def _checked_label(given: str, place: str) -> str:
    """A label without white space around it. Raises SeqtoolError if it cannot be printed."""
    label = given.strip()
    if not label or not label.isprintable():
        what = f"the label {label!r} holds a control character" if label else "no label"
        raise SeqtoolError(f"{place}: {what}")
    return label


def label_set(labels: Iterable[str]) -> list[str]:
    """The different labels: numbers by their size, others by their letters."""
    found = sorted(set(labels))
    return sorted(found, key=float) if all(map(_is_number, found)) else found


def _is_number(label: str) -> bool:
    return label.removeprefix("-").replace(".", "", 1).isdecimal()


def label_numbers(
    data: Labelled, labels: Sequence[str], files: Sequence[str]
) -> npt.NDArray[np.int32]:
    """The number of each text's label. Raises SeqtoolError for one that is not in ``labels``."""
    numbers = {label: number for number, label in enumerate(labels)}
    for label in dict.fromkeys(data.labels):
        if label not in numbers:
            shown = ", ".join(labels[:10]) + (", ..." if len(labels) > 10 else "")
            raise SeqtoolError(
                f"{', '.join(map(display_name, files))}: the label '{label}' is none of those "
                f"that the model knows: {shown}"
            )
    return np.array([numbers[label] for label in data.labels], np.int32)


def read_parts(path: str, columns: Columns, errors: str) -> Iterator[Part]:
    """The labelled texts of one file, whose format its name and its first line tell."""
    blocks = _line_blocks(path, errors)
    head: list[list[str]] = []
    first = ""
    while not first:
        block = next(blocks, None)
        if block is None:
            return
        head.append(block)
        first = next(filter(str.strip, block), "")
    blocks = chain(head, blocks)
    numbered = enumerate(chain.from_iterable(blocks), 1)
    lines = dropwhile(lambda line: not line[1].strip(), numbered)
    start = first.removeprefix("\ufeff")
    name, ending = display_name(path), _ending(path)
    if ending in (".jsonl", ".ndjson") or (ending != ".csv" and start.lstrip().startswith("{")):
        yield from _in_parts(_read_jsonl(lines, name, columns))
    elif ending == ".csv" or any(columns):
        yield from _in_parts(_read_csv(lines, name, columns, "\t" if "\t" in start else ","))
    elif start.startswith(FASTTEXT):
        yield from _in_parts(_read_fasttext(lines, name))
    elif "\t" not in start and {"label", "text"} <= set(start.lower().split(",")):
        yield from _in_parts(_read_csv(lines, name, columns, ","))
    else:
        yield from _read_tsv(blocks, name)


def _line_blocks(path: str, errors: str) -> Iterator[list[str]]:
    """The lines of a file, as many at a time as are read. Raises SeqtoolError for bad bytes."""
    before = 0
    for block in read_blocks(path, errors):
        explain_bad_bytes(block, path, before)
        lines = block.decode("utf-8").split("\n")[:-1]
        before += len(lines)
        yield lines


def _in_parts(examples: Iterator[Example]) -> Iterator[Part]:
    while some := list(islice(examples, _AT_ONCE)):
        yield Part(*zip(*some, strict=True))


def _ending(path: str) -> str:
    name = path.lower()
    for packed in _PACKED:
        name = name.removesuffix(packed)
    return name[name.rfind(".") :] if "." in name else ""


def _read_tsv(blocks: Iterable[list[str]], name: str) -> Iterator[Part]:
    behind = 1
    for lines in blocks:
        numbers: Sequence[int] = range(behind, behind + len(lines))
        behind += len(lines)
        cuts = [line.find("\t") for line in lines]
        if min(cuts) < 0:
            for number, line, cut in zip(numbers, lines, cuts, strict=True):
                if cut < 0 and line.strip():
                    raise SeqtoolError(
                        f"{name}:{number}: no tab: a line is a label, a tab and a text "
                        "(or name the file .csv or .jsonl)"
                    )
            numbers = [number for number, cut in zip(numbers, cuts, strict=True) if cut >= 0]
            lines = [line for line, cut in zip(lines, cuts, strict=True) if cut >= 0]
            cuts = [cut for cut in cuts if cut >= 0]
        labels = [line[:cut] for line, cut in zip(lines, cuts, strict=True)]
        texts = [line[cut + 1 :] for line, cut in zip(lines, cuts, strict=True)]
        yield Part(numbers, labels, [text.removesuffix("\r") for text in texts])


def _read_fasttext(lines: Lines, name: str) -> Iterator[Example]:
    for number, line in lines:
        label, _, text = line.strip().partition(" ")
        if not label:
            continue
        if not label.startswith(FASTTEXT):
            raise SeqtoolError(f"{name}:{number}: it does not begin with {FASTTEXT}")
        if text.startswith(FASTTEXT):
            raise SeqtoolError(f"{name}:{number}: several labels: a text has one here")
        yield Example(number, label.removeprefix(FASTTEXT), text)


def _read_jsonl(lines: Lines, name: str, columns: Columns) -> Iterator[Example]:
    names = (columns.label or "label", columns.text or "text")
    for number, line in lines:
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise SeqtoolError(f"{name}:{number}: not JSON: {error}") from None
        if not isinstance(record, dict):
            raise SeqtoolError(f"{name}:{number}: not an object with the fields of a text")
        for field in names:
            if field not in record:
                raise SeqtoolError(f"{name}:{number}: no field '{field}'")
        label, text = record[names[0]], record[names[1]]
        if not isinstance(text, str) or not isinstance(label, (str, int)):
            field = names[1] if isinstance(label, (str, int)) else names[0]
            raise SeqtoolError(f"{name}:{number}: the field '{field}' is no text")
        yield Example(number, str(label), text)


def _read_csv(lines: Lines, name: str, columns: Columns, delimiter: str) -> Iterator[Example]:
    """The first row names the columns; a text in quotes may hold newlines."""
    at = [0]

    def raw() -> Iterator[str]:
        for number, line in lines:
            at[0] = number
            yield line + "\n"

    # A quotation mark in tab-separated text is one.
    dialect = csv.excel_tab if delimiter == "\t" else csv.excel
    quoting: Any = {"quoting": csv.QUOTE_NONE} if delimiter == "\t" else {}
    rows = csv.reader(raw(), dialect, strict=True, **quoting)
    try:
        header = [cell.strip().removeprefix("\ufeff") for cell in next(rows)]
        label, text = (
            _column(header, given, usual, f"{name}:{at[0]}")
            for given, usual in zip(columns, ("label", "text"), strict=True)
        )
        begin = at[0] + 1
        for row in rows:
            if row and len(row) <= max(label, text):
                raise SeqtoolError(
                    f"{name}:{begin}: {len(row)} fields, but the first line names {len(header)}"
                )
            if row:
                yield Example(begin, row[label], row[text])
            begin = at[0] + 1
    except csv.Error as error:
        raise SeqtoolError(f"{name}:{at[0]}: no CSV: {error}") from None


def _column(header: Sequence[str], given: str | None, usual: str, place: str) -> int:
    wanted = given or usual
    if wanted in header:
        return header.index(wanted)
    folded = [cell.lower() for cell in header]
    if given is None and usual in folded:
        return folded.index(usual)
    raise SeqtoolError(
        f"{place}: no column '{wanted}' among {', '.join(header)}: name it by --{usual}-column"
    )
