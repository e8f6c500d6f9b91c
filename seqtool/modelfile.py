"""Model files: tensors and what made them, in one safetensors file.

The metadata is one JSON object under the key ``seqtool`` of the safetensors header. The same
tensors and metadata give the same bytes. Nothing in a file is believed before it is checked, and
nothing in it is ever run.
"""

from __future__ import annotations

import json
import math
import os
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from seqtool import __version__
from seqtool.errors import SeqtoolError
from seqtool.output import open_binary_output

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FORMAT = "seqtool"
FORMAT_VERSION = 1
KEY = "seqtool"  # of our metadata in the header
LONGEST_HEADER = 100_000_000  # bytes; the limit of the safetensors library

DTYPES = {
    "BOOL": "?",
    "F16": "<f2",
    "F32": "<f4",
    "F64": "<f8",
    "I8": "<i1",
    "I16": "<i2",
    "I32": "<i4",
    "I64": "<i8",
    "U8": "<u1",
    "U16": "<u2",
    "U32": "<u4",
    "U64": "<u8",
}


class TensorInfo(NamedTuple):
    """What the header says about a tensor."""

    dtype: str
    shape: tuple[int, ...]


class ModelReader:
    """An open model file: ``metadata``, ``tensors`` (name -> TensorInfo), and `read`."""

    def __init__(self, path: str, handle: Any, kind: str | None, called: str | None) -> None:
        self.path = path
        self._handle = handle
        self.tensors: dict[str, TensorInfo] = {}
        for name in sorted(handle.keys()):
            view = handle.get_slice(name)
            self.tensors[name] = TensorInfo(view.get_dtype(), tuple(view.get_shape()))
        self.metadata = _metadata(path, handle.metadata() or {})
        if kind is not None and self.metadata.get("kind") != kind:
            found = self.metadata.get("kind", "safetensors file that seqtool did not write")
            wanted = called or f"'{kind}'"
            raise SeqtoolError(f"{path}: holds '{found}', not {wanted} (see 'seqtool info')")

    def read(self, name: str, dtype: str, ndim: int, rows: int | None = None) -> NDArray[Any]:
        """A tensor; ``rows`` reads only its first ones.

        Raises SeqtoolError when it is not there, or not of this dtype and number of dimensions.
        """
        info = self.tensors.get(name)
        if info is None:
            raise SeqtoolError(f"{self.path}: the tensor '{name}' is missing")
        if info.dtype != dtype or len(info.shape) != ndim:
            raise SeqtoolError(
                f"{self.path}: the tensor '{name}' is {info.dtype} {list(info.shape)}, "
                f"expected {dtype} of {ndim} dimensions"
            )
        return self.read_any(name, rows)

    def read_any(self, name: str, rows: int | None = None) -> NDArray[Any]:
        """A tensor of any dtype that numpy has and any shape."""
        info = self.tensors[name]
        if info.dtype not in DTYPES:
            raise SeqtoolError(f"{self.path}: the tensor '{name}' has the type {info.dtype}")
        with _explained(self.path):
            if rows is None or not info.shape or rows >= info.shape[0]:
                tensor: NDArray[Any] = self._handle.get_tensor(name)
            else:
                tensor = self._handle.get_slice(name)[:rows]
        return tensor


@contextmanager
def open_model(
    path: str, kind: str | None = None, called: str | None = None
) -> Iterator[ModelReader]:
    """Open a model file; the header is checked, tensors are read when asked for.

    ``kind`` None takes any safetensors file; ``called`` is what people call that kind. Raises
    SeqtoolError for a file that is damaged, of a newer format or of another kind.
    """
    from safetensors import safe_open

    if os.path.isdir(path):
        raise SeqtoolError(f"{path} is a folder: name a file in it")
    with _explained(path):
        opened = safe_open(path, framework="np")
    with opened as handle:
        yield ModelReader(path, handle, kind, called)


def read_model(path: str, kind: str | None) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """(tensors by name, metadata) of a model file of this kind; see `open_model`."""
    with open_model(path, kind) as model:
        return {name: model.read_any(name) for name in model.tensors}, model.metadata


def write_model(
    path: str, tensors: Mapping[str, NDArray[Any]], metadata: Mapping[str, Any]
) -> None:
    """Write a model file, whole or not at all.

    ``metadata`` holds what JSON can: ``kind`` (required, such as "word-vectors") and, where they
    apply, ``arguments``, ``seed``, ``corpus_sha256``, ``licence``, ``card``. Format, format
    version and seqtool's version are added. There is no date: a run gives the same bytes again.
    """
    if not isinstance(metadata.get("kind"), str):
        raise ValueError("metadata needs a kind")
    fields = {
        **metadata,
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "seqtool_version": __version__,
    }
    text = json.dumps(fields, ensure_ascii=False, sort_keys=True, allow_nan=False)
    header: dict[str, Any] = {"__metadata__": {KEY: text}}
    arrays = [(name, _little_endian(tensor)) for name, tensor in tensors.items()]
    arrays.sort(key=lambda pair: (-pair[1].dtype.itemsize, pair[0]))  # so that all are aligned
    offset = 0
    for name, array in arrays:
        header[name] = {
            "dtype": _dtype_name(array),
            "shape": list(array.shape),
            "data_offsets": [offset, offset + array.nbytes],
        }
        offset += array.nbytes
    data = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    data += b" " * (-len(data) % 8)
    with open_binary_output(path) as file:
        file.write(struct.pack("<Q", len(data)) + data)
        for _, array in arrays:
            file.write(array.reshape(-1).view("u1").data)


def is_safetensors(head: bytes) -> bool:
    """Whether a file starts like a safetensors file."""
    if len(head) < 9:
        return False
    (length,) = struct.unpack("<Q", head[:8])
    return 2 <= length <= LONGEST_HEADER and head[8:9] == b"{"


def _metadata(path: str, fields: Mapping[str, str]) -> dict[str, Any]:
    """Our metadata; that of other programs as it is."""
    if KEY not in fields:
        return dict(fields)
    try:
        metadata = json.loads(fields[KEY])
    except (ValueError, RecursionError):
        metadata = None
    if not isinstance(metadata, dict) or not isinstance(metadata.get("kind"), str):
        raise SeqtoolError(f"{path}: its metadata is damaged")
    version = metadata.get("format_version")
    if not isinstance(version, int) or version < 1:
        raise SeqtoolError(f"{path}: its metadata is damaged (format_version)")
    if version > FORMAT_VERSION:
        writer = metadata.get("seqtool_version", "a newer version")
        raise SeqtoolError(
            f"{path}: format {version} of seqtool {writer}, known here up to {FORMAT_VERSION}: "
            "update seqtool"
        )
    return metadata


@contextmanager
def _explained(path: str) -> Iterator[None]:
    """Turn what the library raises into one line that names the file."""
    from safetensors import SafetensorError

    try:
        yield
    except FileNotFoundError as error:
        raise SeqtoolError(f"{path}: no such file") from error
    except OSError as error:
        raise SeqtoolError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (SafetensorError, ValueError, TypeError) as error:
        raise SeqtoolError(f"{path}: damaged safetensors file: {error}") from error


def _little_endian(tensor: NDArray[Any]) -> NDArray[Any]:
    import numpy as np

    array = np.asarray(tensor, order="C")
    if array.dtype.byteorder == ">":
        array = array.astype(array.dtype.newbyteorder("<"))
    return array


def _dtype_name(array: NDArray[np.generic]) -> str:
    import numpy as np

    for name, code in DTYPES.items():
        if np.dtype(code) == array.dtype:
            return name
    raise ValueError(f"a model file cannot hold {array.dtype}")


def count_parameters(tensors: Mapping[str, TensorInfo]) -> int:
    """Numbers in all tensors together."""
    return sum(math.prod(info.shape) for info in tensors.values())
