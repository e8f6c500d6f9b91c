"""tiktoken's rank files: a line a piece, its bytes in base64, a space, and its rank: its id.

A pair of pieces is joined if the bytes of both together are a piece; the lowest rank goes first,
and a word that is a piece stays whole. The files do not say how text is cut into words, nor which
special tokens there are.
"""

from __future__ import annotations

import base64
import binascii
from itertools import pairwise
from typing import BinaryIO, NoReturn

import numpy as np

from seqtool.errors import SeqtoolError
from seqtool.text import display_name, open_bytes
from seqtool.tokenizers.batches import batch_of_texts
from seqtool.tokenizers.bpe import BpeModel, merges_of_ranks
from seqtool.tokenizers.normalize import Normalizer
from seqtool.tokenizers.preparation import TextPreparation, WordRules
from seqtool.tokenizers.specials import Special
from seqtool.tokenizers.tokenizer import Tokenizer
from seqtool.tokenizers.types import Words
from seqtool.tokenizers.visible import bytes_to_visible

LARGEST_FILE = 1 << 28
MOST_PIECES = 1 << 24

# Files that are known by their number of pieces: how OpenAI cuts words for them.
_CL100K, _O200K = 100_256, 199_998
_END_OF_TEXT = 50_256  # the rank of a special token in the midst of those of p50k_base


def read_tiktoken(path: str, pretokenize: str | None = None) -> Tokenizer:
    """The tokenizer of a rank file.

    ``pretokenize`` is a name of `pretokenize.KINDS`; None means gpt4 for a file of the size of
    cl100k_base, else gpt2. Ranks that the file begins without belong to special tokens, which are
    called ``<|0|>`` and so on. Raises SeqtoolError for a damaged file.
    """
    pieces = read_ranks(path)
    if pretokenize is None:
        if len(pieces) == _O200K:
            raise SeqtoolError(f"{path}: the words of o200k_base are not supported")
        pretokenize = "gpt4" if len(pieces) == _CL100K else "gpt2"
    specials = [Special(_special_name(i), i) for i, piece in enumerate(pieces) if not piece]
    listed = [piece or _special_name(i).encode() for i, piece in enumerate(pieces)]
    hidden = [special.id for special in specials]
    merges = merges_of_ranks(listed, hidden)
    model = BpeModel(listed, merges, merges[:, 2].copy(), whole_words=True, hidden=hidden)
    names = [bytes_to_visible(piece) for piece in pieces]
    for special in specials:
        names[special.id] = special.text
    rules = WordRules(pretokenize, byte_level=True)
    return Tokenizer(model, TextPreparation(Normalizer("none"), rules), names, "bytes", specials)


def _special_name(number: int) -> str:
    return "<|endoftext|>" if number == _END_OF_TEXT else f"<|{number}|>"


def read_ranks(path: str) -> list[bytes]:
    """The pieces of a rank file by their ranks; empty where a special token belongs.

    Raises SeqtoolError for a file that is damaged: the line, where there is one, and what is wrong.
    """
    lines = _read(path).split(b"\n")
    found: dict[bytes, int] = {}
    line_of: dict[int, int] = {}
    for number, line in enumerate(lines, 1):
        line = line.removesuffix(b"\r")
        if not line:
            continue
        piece, rank = _parse(path, number, line, len(lines))
        if piece in found:
            _fail(path, number, f"the piece of line {line_of[found[piece]]} again")
        if rank in line_of:
            _fail(path, number, f"the rank {rank} of line {line_of[rank]} again")
        found[piece] = rank
        line_of[rank] = number
    if not found:
        raise SeqtoolError(f"{display_name(path)}: no ranks: is it a tiktoken file?")
    for byte in range(256):
        if bytes([byte]) not in found:
            _fail(
                path, len(lines), f"no rank for the single byte 0x{byte:02x}: the file is damaged"
            )
    _check_gaps(path, line_of)
    pieces = [b""] * (max(line_of) + 1)
    for piece, rank in found.items():
        pieces[rank] = piece
    return pieces


def _read(path: str) -> bytes:
    with open_bytes(path) as file:
        data = file.read(LARGEST_FILE + 1)
    if len(data) > LARGEST_FILE:
        raise SeqtoolError(
            f"{display_name(path)}: over {LARGEST_FILE >> 20} MiB: is it a tiktoken file?"
        )
    return data


def _fail(path: str, number: int, problem: str) -> NoReturn:
    raise SeqtoolError(f"{display_name(path)}:{number}: {problem}")


def _parse(path: str, number: int, line: bytes, lines: int) -> tuple[bytes, int]:
    """Piece and rank of a line."""
    fields = line.split(b" ")
    if len(fields) != 2:
        _fail(path, number, "expected a piece in base64, a space and its rank")
    try:
        piece = base64.b64decode(fields[0], validate=True)
    except binascii.Error:
        _fail(path, number, f"bad base64 {fields[0][:40].decode('ascii', 'replace')!r}")
    if not piece:
        _fail(path, number, "an empty piece")
    # No more special tokens than pieces before a rank: a damaged one must not cost memory.
    if not fields[1].isdigit() or len(fields[1]) > 9 or int(fields[1]) >= 2 * lines + 256:
        _fail(path, number, f"bad rank {fields[1][:40].decode('ascii', 'replace')!r}")
    return piece, int(fields[1])


def _check_gaps(path: str, line_of: dict[int, int]) -> None:
    """Ranks may be missing before the first one, and where end-of-text is in a known file."""
    ranks = sorted(line_of)
    for before, rank in pairwise(ranks):
        if rank != before + 1 and (rank - 1, before + 1) != (_END_OF_TEXT, _END_OF_TEXT):
            _fail(path, line_of[rank], f"rank {rank} after {before}: {before + 1} is missing")


def write_tiktoken(tokenizer: Tokenizer, file: BinaryIO) -> None:
    """Write the pieces of a byte-level BPE tokenizer with their ids as ranks.

    Special tokens are left out: they must have the first or the last ids. Raises SeqtoolError for
    a tokenizer that tiktoken would not follow.
    """
    model = tokenizer.model
    if not isinstance(model, BpeModel) or model.by_characters or len(model.bytes_ids) < 256:
        raise SeqtoolError("tiktoken's files are for byte-level BPE: write a tokenizer.json")
    special = {special.id for special in tokenizer.specials} | model.hidden
    ranks = [rank for rank in range(len(model.pieces)) if rank not in special]
    if ranks[-1] - ranks[0] + 1 != len(ranks):
        raise SeqtoolError("special tokens amid the ids of pieces: write a tokenizer.json")
    _check_order(model, ranks)
    for rank in ranks:
        file.write(base64.b64encode(model.pieces[rank]) + b" %d\n" % rank)


def _check_order(model: BpeModel, ranks: list[int]) -> None:
    """Whether pieces in the order of their ids mean what the merges do."""
    made = model.merges[np.argsort(model.ranks, kind="stable"), 2]
    texts = [model.pieces[rank] for rank in ranks]
    batch = batch_of_texts(texts)
    words = Words(batch.starts[1:], np.arange(len(texts) + 1, dtype=np.int64))
    whole = model.encode(batch, words)
    if np.any(np.diff(made) < 0) or not np.array_equal(whole.ids, ranks):
        raise SeqtoolError(
            "the merges of this tokenizer are not in the order of its ids, which is all that "
            "tiktoken knows: write a tokenizer.json"
        )
