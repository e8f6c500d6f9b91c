"""`seqtool tokenize decode`: pieces or ids back to text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from seqtool.errors import SeqtoolError
from seqtool.output import open_binary_output
from seqtool.tokenizers.tokenizer import Tokenizer
from seqtool.tokenizers.types import Ids, Offsets
from seqtool_tokenize.line_kernels import read_numbers
from seqtool_tokenize.lines import Lines, read_lines
from seqtool_tokenize.load import load_model


def run_decode(files: Sequence[str], settings: Mapping[str, Any]) -> None:
    """Decode files line by line. Raises SeqtoolError."""
    tokenizer = load_model(settings)
    read = _read_ids if settings["ids"] else _read_pieces
    with open_binary_output(settings["output"]) as out:
        for lines in read_lines(files, "strict"):
            ids, starts = read(lines, tokenizer)
            texts = tokenizer.decode_batch(ids, starts)
            out.write(b"\n".join([*texts, b""]))
            out.flush()


def _read_ids(lines: Lines, tokenizer: Tokenizer) -> tuple[Ids, Offsets]:
    """Lines of numbers. Raises SeqtoolError that names the line of what is none."""
    ids = np.empty(len(lines.text), np.int32)
    starts = np.zeros(lines.text.count(b"\n") + 1, np.int64)
    read = read_numbers(np.frombuffer(lines.text, np.uint8), ids, starts[1:])
    if read < 0:
        place = lines.place(lines.text.count(b"\n", 0, -1 - read))
        raise SeqtoolError(f"{place}: not a line of ids: leave --ids out if these are pieces")
    ids = ids[: starts[-1]]
    wrong = np.flatnonzero(ids >= tokenizer.vocab_size)
    if len(wrong):
        line = int(np.searchsorted(starts, wrong[0], "right")) - 1
        raise SeqtoolError(
            f"{lines.place(line)}: the id {ids[wrong[0]]} is not in the vocabulary of "
            f"{tokenizer.vocab_size:,}: is it the model that made the ids?"
        )
    return ids, starts


def _read_pieces(lines: Lines, tokenizer: Tokenizer) -> tuple[Ids, Offsets]:
    """Lines of pieces. Raises SeqtoolError that names the line of an unknown one."""
    ids: list[int] = []
    starts = [0]
    for number, line in enumerate(lines.text.decode("utf-8").split("\n")[:-1]):
        for piece in filter(None, line.split(" ")):
            found = tokenizer.id_of(piece)
            if found is None:
                hint = ": use --ids for ids" if piece.isdigit() else ""
                raise SeqtoolError(f"{lines.place(number)}: no piece {piece!r}{hint}")
            ids.append(found)
        starts.append(len(ids))
    return np.array(ids, np.int32), np.array(starts, np.int64)
