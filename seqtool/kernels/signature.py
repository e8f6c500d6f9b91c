"""numba signatures such as ``i8(u4[::1], i8)``, read without numba."""

from __future__ import annotations

import ctypes
from typing import Any, NamedTuple

_C_TYPES: dict[str, Any] = {
    "i1": ctypes.c_int8,
    "u1": ctypes.c_uint8,
    "i2": ctypes.c_int16,
    "u2": ctypes.c_uint16,
    "i4": ctypes.c_int32,
    "u4": ctypes.c_uint32,
    "i8": ctypes.c_int64,
    "u8": ctypes.c_uint64,
    "f4": ctypes.c_float,
    "f8": ctypes.c_double,
}


class Argument(NamedTuple):
    """One argument: its type code (``"f4"``), C type, whether it is an array, bytes of a number."""

    code: str
    c_type: Any
    is_array: bool
    size: int


class Signature(NamedTuple):
    """Result (None for void) and arguments of a kernel."""

    result: Any
    arguments: list[Argument]


def parse(text: str) -> Signature:
    """Read a kernel's signature. Raises ValueError for what kernels do not support."""
    head, bracket, tail = text.replace(" ", "").partition("(")
    if not bracket or not tail.endswith(")"):
        raise ValueError(f"not a kernel signature: {text!r}")
    arguments = [_argument(part, text) for part in tail[:-1].split(",") if part]
    result = None if head == "void" else _argument(head, text).c_type
    return Signature(result, arguments)


def _argument(part: str, text: str) -> Argument:
    code = part.removesuffix("[::1]")
    if code not in _C_TYPES:
        raise ValueError(f"unknown type {part!r} in kernel signature {text!r}")
    return Argument(code, _C_TYPES[code], code != part, int(code[1:]))
