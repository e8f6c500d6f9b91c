"""Word vectors as a model file: exact, or a byte a number with a scale for each row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqtool.errors import SeqtoolError
from seqtool.modelfile import ModelReader, open_model, write_model
from seqtool.vectors.source import finish_rows, first_bad_row
from seqtool.vectors.subwords import Subwords
from seqtool.vectors.table import WordVectors

KIND = "word-vectors"


def load_tensors(path: str, limit: int | None) -> WordVectors:
    """Read what `write_tensors` wrote."""
    with open_model(path, KIND) as model:
        words = _words(model, limit)
        matrix = _matrix(model, "matrix", limit)
        if len(words) != len(matrix):
            raise SeqtoolError(f"{path}: {len(words):,} words, but {len(matrix):,} vectors")
        words, matrix = finish_rows(words, matrix, path)
        subwords = _subwords(model, matrix.shape[1])
        return WordVectors(words, matrix, subwords, model.metadata)


def write_tensors(
    path: str, vectors: WordVectors, metadata: Mapping[str, Any], quantize: str | None
) -> None:
    """Write a model file; ``quantize="int8"`` keeps a byte a number."""
    if any("\n" in word for word in vectors.words):
        raise SeqtoolError("a word with a newline cannot be written")
    try:
        text = "\n".join(vectors.words).encode("utf-8")
    except UnicodeEncodeError as error:
        raise SeqtoolError(f"words that are not valid Unicode cannot be written: {error}") from None
    tensors: dict[str, NDArray[Any]] = {"words": np.frombuffer(text, dtype=np.uint8)}
    fields: dict[str, Any] = {**metadata, "kind": KIND}
    fields.pop("subwords", None)
    fields.pop("quantized", None)
    if quantize is not None:
        fields["quantized"] = quantize
    _put_matrix(tensors, "matrix", vectors.matrix, quantize)
    if vectors.subwords is not None:
        subwords = vectors.subwords
        fields["subwords"] = {"minn": subwords.minn, "maxn": subwords.maxn}
        _put_matrix(tensors, "subwords", subwords.matrix, quantize)
    write_model(path, tensors, fields)


def _put_matrix(
    tensors: dict[str, NDArray[Any]], name: str, matrix: NDArray[np.float32], quantize: str | None
) -> None:
    if quantize is None:
        tensors[name] = matrix
        return
    if quantize != "int8":
        raise ValueError(f"quantize is 'int8' or None, not {quantize!r}")
    scales = (np.abs(matrix).max(axis=1, initial=0.0) / np.float32(127)).astype(np.float32)
    divisors = np.where(scales > 0, scales, np.float32(1))[:, None]
    tensors[name] = np.clip(np.rint(matrix / divisors), -127, 127).astype(np.int8)
    tensors[f"{name}.scales"] = scales


def _words(model: ModelReader, limit: int | None) -> list[str]:
    data = model.read("words", "U8", 1).tobytes()
    try:
        words = data.decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise SeqtoolError(f"{model.path}: the words are not UTF-8: {error.reason}") from None
    if "" in words:
        raise SeqtoolError(f"{model.path}: word {words.index('') + 1} is empty")
    return words[:limit]


def _matrix(model: ModelReader, name: str, limit: int | None) -> NDArray[np.float32]:
    if model.tensors.get(name, ("", ()))[0] != "I8":
        exact: NDArray[np.float32] = model.read(name, "F32", 2, limit)
        return exact
    codes = model.read(name, "I8", 2, limit)
    scales = model.read(f"{name}.scales", "F32", 1, limit)
    if len(scales) != len(codes):
        raise SeqtoolError(f"{model.path}: {len(scales):,} scales for {len(codes):,} rows")
    if not np.isfinite(scales).all():
        raise SeqtoolError(f"{model.path}: a scale is not finite (NaN or infinity)")
    with np.errstate(over="ignore"):  # rows are checked for infinity afterwards
        matrix = codes.astype(np.float32)
        matrix *= scales[:, None]
    return matrix


def _subwords(model: ModelReader, dimensions: int) -> Subwords | None:
    if "subwords" not in model.tensors:
        return None
    fields = model.metadata.get("subwords")
    fields = fields if isinstance(fields, dict) else {}
    minn, maxn = fields.get("minn"), fields.get("maxn")
    if not (isinstance(minn, int) and isinstance(maxn, int) and 0 <= minn <= maxn <= 1 << 10):
        raise SeqtoolError(f"{model.path}: the lengths of its n-grams make no sense")
    matrix = _matrix(model, "subwords", None)
    if matrix.shape[1] != dimensions:
        raise SeqtoolError(f"{model.path}: n-grams of {matrix.shape[1]} numbers, not {dimensions}")
    if first_bad_row(matrix) is not None:
        raise SeqtoolError(f"{model.path}: the vector of an n-gram is not finite")
    return Subwords(matrix, minn, maxn, len(matrix))
