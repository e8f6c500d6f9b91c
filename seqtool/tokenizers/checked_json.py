"""Untrusted JSON, field by field: every wrong type or value is one line that names the place."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any, NoReturn, TypeVar

from seqtool.errors import SeqtoolError
from seqtool.text import open_bytes

T = TypeVar("T")

LARGEST_FILE = 1 << 30
_TYPES = {
    dict: "an object", list: "a list", str: "a string", bool: "true or false", int: "a number",
    float: "a number", type(None): "null",
}  # fmt: skip
_SHOWN = 40  # characters of a wrong value


class Node:
    """A JSON value with the file and the place in it where it stands."""

    def __init__(self, path: str, value: Any, place: str = "") -> None:
        self.path = path
        self.value = value
        self.place = place

    def fail(self, problem: str) -> NoReturn:
        """Raise SeqtoolError: file, place and problem."""
        where = f"{self.place}: " if self.place else ""
        raise SeqtoolError(f"{self.path}: {where}{problem}")

    def of(self, kind: type[T]) -> T:
        """The value, which must be of this type; an int is a float, too."""
        value: Any = self.value
        if kind is float and type(value) is int:
            value = float(value)
        if type(value) is not kind:
            self.fail(f"expected {_TYPES[kind]}, found {_TYPES.get(type(value), 'nothing')}")
        checked: T = value
        return checked

    def __getitem__(self, key: str) -> Node:
        """A field of an object; null if it is not there."""
        return Node(self.path, self.of(dict).get(key), f"{self.place}.{key}".lstrip("."))

    def items(self) -> Iterator[Node]:
        """The items of a list."""
        for number, value in enumerate(self.of(list)):
            yield Node(self.path, value, f"{self.place}[{number}]")

    @property
    def missing(self) -> bool:
        """Whether it is null or not there."""
        return self.value is None

    def flag(self, default: bool = False) -> bool:
        """A bool, or the default where there is none."""
        return default if self.missing else self.of(bool)

    def refuse_others(self, known: dict[str, Any]) -> None:
        """Fail if a field that is not neutral has another value than the one in ``known``."""
        for key, wanted in known.items():
            field = self[key]
            if not field.missing and field.value != wanted:
                field.fail(f"{_short(field.value)} is not supported")


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def read_json(path: str) -> Node:
    """The JSON in a file. Raises SeqtoolError if it is none, too large or not UTF-8."""
    if path != "-" and os.path.isfile(path) and os.path.getsize(path) > LARGEST_FILE:
        raise SeqtoolError(f"{path}: over {LARGEST_FILE >> 30} GiB: not a tokenizer file")
    with open_bytes(path) as file:
        data = file.read(LARGEST_FILE + 1)
    if len(data) > LARGEST_FILE:
        raise SeqtoolError(f"{path}: over {LARGEST_FILE >> 30} GiB: not a tokenizer file")
    try:
        return Node(path, json.loads(data.decode("utf-8"), parse_constant=_no_constant))
    except UnicodeDecodeError as error:
        raise SeqtoolError(f"{path}: not UTF-8 at byte {error.start:,}") from None
    except json.JSONDecodeError as error:
        raise SeqtoolError(
            f"{path}: damaged JSON in line {error.lineno}, column {error.colno}: {error.msg}"
        ) from None
    except (RecursionError, ValueError) as error:
        raise SeqtoolError(f"{path}: damaged JSON: {error}") from None


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")
