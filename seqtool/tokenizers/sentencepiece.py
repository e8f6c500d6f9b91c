"""Models of sentencepiece: their files, their normalization, their pieces."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple, TypeVar

import numpy as np

from seqtool.errors import SeqtoolError
from seqtool.text import open_bytes
from seqtool.tokenizers.bpe import BpeModel, merges_of_ranks
from seqtool.tokenizers.metaspace import MARK, CharsMap, Metaspace
from seqtool.tokenizers.normalize import Normalizer
from seqtool.tokenizers.preparation import MetaspacePreparation
from seqtool.tokenizers.protobuf import ProtobufError, Value, as_bytes, as_float, as_int, fields
from seqtool.tokenizers.specials import Special
from seqtool.tokenizers.tokenizer import Tokenizer
from seqtool.tokenizers.types import Model
from seqtool.tokenizers.unigram import UnigramModel

UNIGRAM, BPE, WORD, CHAR = 1, 2, 3, 4
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = 1, 2, 3, 4, 5, 6

LARGEST_FILE = 1 << 28  # bytes; models of a million pieces have under 40 MB
_KINDS = {UNIGRAM: "unigram", BPE: "bpe", WORD: "word", CHAR: "char"}

T = TypeVar("T")


class Piece(NamedTuple):
    """A piece of the vocabulary: its name in UTF-8, log probability or rank, and kind."""

    name: bytes
    score: float
    kind: int


class ModelFile(NamedTuple):
    """What a .model file says.

    ``suffix``: U+2581 stands behind words; ``prefix``: a space is added to the text; ``trim``:
    spaces that are too many go; ``mark``: spaces become U+2581.
    """

    pieces: list[Piece]
    model_type: int
    byte_fallback: bool
    suffix: bool
    unknown_surface: bytes
    charsmap: bytes
    prefix: bool
    trim: bool
    mark: bool


def read_sentencepiece(path: str) -> Tokenizer:
    """The tokenizer in a .model file of sentencepiece.

    Raises SeqtoolError for a damaged file or a kind of model that is not supported, OSError if
    the file cannot be read.
    """
    file = read_model_file(path)
    return _named(path, lambda: _tokenizer(file))


def read_model_file(path: str) -> ModelFile:
    """Read and check a .model file. Raises SeqtoolError, OSError as `read_sentencepiece`."""
    with open_bytes(path) as source:
        data = source.read(LARGEST_FILE + 1)
    if len(data) > LARGEST_FILE:
        raise SeqtoolError(f"{path}: too large for a sentencepiece model")
    return _named(path, lambda: _checked(_read(data)))


def _named(path: str, action: Callable[[], T]) -> T:
    """Run something; what goes wrong names the file."""
    try:
        return action()
    except (ProtobufError, SeqtoolError) as error:
        raise SeqtoolError(f"{path}: not a usable sentencepiece model: {error}") from error


def _read(data: bytes) -> ModelFile:
    pieces = []
    trainer: dict[int, Value] = {}
    normalizer: dict[int, Value] = {}
    for number, value in fields(data):
        if number == 1:
            pieces.append(_read_piece(as_bytes(value)))
        elif number == 2:
            trainer.update(fields(as_bytes(value)))
        elif number == 3:
            normalizer.update(fields(as_bytes(value)))

    def flag(spec: dict[int, Value], number: int, default: bool) -> bool:
        return bool(as_int(spec.get(number, default)))

    return ModelFile(
        pieces=pieces,
        model_type=as_int(trainer.get(3, UNIGRAM)),
        byte_fallback=flag(trainer, 35, False),
        suffix=flag(trainer, 24, False),
        unknown_surface=as_bytes(trainer.get(44, " ⁇ ".encode())),
        charsmap=as_bytes(normalizer.get(2, b"")),
        prefix=flag(normalizer, 3, True),
        trim=flag(normalizer, 4, True),
        mark=flag(normalizer, 5, True),
    )


def _read_piece(data: bytes) -> Piece:
    name, score, kind = b"", 0.0, NORMAL
    for number, value in fields(data):
        if number == 1:
            name = as_bytes(value)
        elif number == 2:
            score = as_float(value)
        elif number == 3:
            kind = as_int(value)
    return Piece(name, score, kind)


def _checked(file: ModelFile) -> ModelFile:
    if file.model_type not in _KINDS:
        raise SeqtoolError(f"there is no model type {file.model_type}")
    names = set()
    for number, piece in enumerate(file.pieces):
        if not piece.name or b"\0" in piece.name:
            raise SeqtoolError(f"piece {number} is empty or has a zero byte")
        if piece.name in names:
            raise SeqtoolError(f"piece {number} is there twice")
        if not math.isfinite(piece.score) or not NORMAL <= piece.kind <= BYTE:
            raise SeqtoolError(f"piece {number} has no score or kind")
        _decoded(piece.name, number)
        names.add(piece.name)
    if sum(piece.kind == UNKNOWN for piece in file.pieces) != 1:
        raise SeqtoolError("it needs one piece for unknown characters")
    byte_names = {piece.name for piece in file.pieces if piece.kind == BYTE}
    if byte_names != ({b"<0x%02X>" % byte for byte in range(256)} if file.byte_fallback else set()):
        raise SeqtoolError("the pieces of single bytes are not all there")
    return file


def _decoded(name: bytes, number: int) -> str:
    try:
        return name.decode()
    except UnicodeDecodeError as error:
        raise SeqtoolError(f"piece {number} is not UTF-8") from error


def _tokenizer(file: ModelFile) -> Tokenizer:
    names = [piece.name for piece in file.pieces]
    metaspace = Metaspace(
        CharsMap(file.charsmap), trim=file.trim, prefix=file.prefix, suffix=file.suffix,
        mark=file.mark, repair=True, defined=[names[n] for n in _ids(file, USER_DEFINED)],
    )  # fmt: skip
    return Tokenizer(
        _model(file),
        MetaspacePreparation(Normalizer(), metaspace, _splits(file)),
        [name.decode() for name in names],
        "metaspace",
        [Special(names[number].decode(), number) for number in _ids(file, CONTROL)],
    )


def _ids(file: ModelFile, kind: int) -> list[int]:
    return [number for number, piece in enumerate(file.pieces) if piece.kind == kind]


def _splits(file: ModelFile) -> bool:
    """Whether ▁ is nowhere but at the beginning of pieces."""
    return file.mark and not any(
        MARK in piece.name[1:] for piece in file.pieces if piece.kind not in (CONTROL, UNKNOWN)
    )


def _model(file: ModelFile) -> Model:
    (unknown,) = _ids(file, UNKNOWN)
    hidden = [*_ids(file, CONTROL), unknown, *_ids(file, UNUSED)]
    byte_ids = {int(file.pieces[n].name[3:5], 16): n for n in _ids(file, BYTE)}
    spelled = _spelled(file)
    scores = np.array([piece.score for piece in file.pieces], np.float32)
    if file.model_type == UNIGRAM:
        defined = _ids(file, USER_DEFINED)
        return UnigramModel(
            spelled, scores, unknown, hidden, byte_ids, defined, fuses_words=True
        )  # fmt: skip
    if file.model_type != BPE or _ids(file, USER_DEFINED) or _ids(file, UNUSED):
        raise SeqtoolError(
            f"{_KINDS[file.model_type]} models with user-defined or unused pieces, word and char "
            "models are not supported: use unigram or BPE"
        )
    merges = merges_of_ranks(spelled, [*hidden, *byte_ids.values()])
    ranks = np.unique(-scores, return_inverse=True)[1].astype(np.int32)
    return BpeModel(
        spelled, merges, ranks[merges[:, 2]], by_characters=True, bytes_ids=byte_ids,
        unknown=unknown, fuse_unknown=True, hidden=hidden,
    )  # fmt: skip


def _spelled(file: ModelFile) -> list[bytes]:
    """What each id adds to a text when it is decoded."""
    spelled = []
    for piece in file.pieces:
        if piece.kind == BYTE:
            spelled.append(bytes([int(piece.name[3:5], 16)]))
        elif piece.kind == CONTROL:
            spelled.append(b"")
        else:
            spelled.append(file.unknown_surface if piece.kind == UNKNOWN else piece.name)
    return spelled
