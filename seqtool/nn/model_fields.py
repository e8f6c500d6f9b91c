"""Settings of models as their files hold them: written, and read with all checks."""

from __future__ import annotations

import sys
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from seqtool.errors import SeqtoolError

Settings = TypeVar("Settings", bound=tuple[Any, ...])


def fields_of(settings: Any) -> dict[str, Any]:
    """A NamedTuple, and those in it, as metadata holds it."""
    return {
        name: fields_of(value) if hasattr(value, "_fields") else value
        for name, value in settings._asdict().items()
    }


def read_settings(path: str, field: str, found: Any, shape: type[Settings]) -> Settings:
    """The NamedTuple of type ``shape`` that metadata holds as ``found``.

    It has exactly the fields of the type, and each is of its own: bool, str, int (not below 0),
    float (finite), one of these or None, a tuple of numbers, a NamedTuple again, or a dict, which
    must be empty. Raises SeqtoolError that names the file and the field.
    """
    types = get_type_hints(shape)
    if not isinstance(found, dict) or found.keys() != types.keys():
        raise SeqtoolError(f"{path}: its metadata is damaged ({field})")
    return shape(
        **{name: _value(path, f"{field}: {name}", found[name], types[name]) for name in types}
    )


def _value(path: str, field: str, found: Any, kind: Any) -> Any:
    """A value of a type, made of what JSON has for it."""
    if hasattr(kind, "_fields"):
        return read_settings(path, field, found, kind)
    if found is None and type(None) in get_args(kind):
        return None
    if not _fits(found, kind):
        raise SeqtoolError(f"{path}: its metadata is damaged ({field})")
    return tuple(found) if isinstance(found, list) else found


def _fits(found: Any, kind: Any) -> bool:
    if kind in (bool, str):
        return type(found) is kind
    if kind is int:
        return type(found) is int and found >= 0
    if get_origin(kind) is tuple:
        return isinstance(found, list) and all(map(_is_number, found))
    if kind is float or float in get_args(kind):
        return _is_number(found)
    return bool(kind == dict[str, Any] and found == {})


def _is_number(found: Any) -> bool:
    """Whether it is one that a float holds; integers of JSON may be of any size."""
    return type(found) in (int, float) and abs(found) <= sys.float_info.max
