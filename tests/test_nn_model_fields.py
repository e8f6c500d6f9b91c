"""Settings in metadata: what is written is read, and nothing else is."""

import json
from typing import Any, NamedTuple

import pytest

from seqtool.errors import SeqtoolError
from seqtool.nn.model_fields import fields_of, read_settings


class Inner(NamedTuple):
    """Settings within settings."""

    cell: str
    options: dict[str, Any]


class Outer(NamedTuple):
    """One field of each type."""

    size: int
    rate: float
    flag: bool
    highest: float | None
    means: tuple[float, ...]
    inner: Inner


FINE = Outer(3, 0.5, True, None, (1.0, 2.5), Inner("gru", {}))


def read(found: Any) -> Outer:
    return read_settings("m.safetensors", "model", found, Outer)


@pytest.mark.parametrize("settings", [FINE, FINE._replace(highest=4.0, means=(), rate=-1.0)])
def test_what_is_written_is_read(settings: Outer) -> None:
    assert read(json.loads(json.dumps(fields_of(settings)))) == settings


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"size": -1}, "model: size"),
        ({"size": 3.0}, "model: size"),
        ({"size": True}, "model: size"),
        ({"rate": "0.5"}, "model: rate"),
        ({"rate": float("nan")}, "model: rate"),
        ({"rate": None}, "model: rate"),
        ({"rate": 10**400}, "model: rate"),
        ({"flag": 1}, "model: flag"),
        ({"highest": float("inf")}, "model: highest"),
        ({"means": 1.0}, "model: means"),
        ({"means": [1.0, "2"]}, "model: means"),
        ({"inner": None}, "model: inner"),
        ({"inner": {"cell": 1, "options": {}}}, "model: inner: cell"),
        ({"inner": {"cell": "gru", "options": {"a": 1}}}, "model: inner: options"),
        ({"inner": {"cell": "gru"}}, "model: inner"),
        ({"more": 1}, "model"),
    ],
)
def test_anything_else_is_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises(SeqtoolError) as caught:
        read({**json.loads(json.dumps(fields_of(FINE))), **change})
    assert str(caught.value) == f"m.safetensors: its metadata is damaged ({said})"


def test_what_is_no_object_is_refused() -> None:
    wrong: list[Any] = [None, [], "model", 3]
    for found in wrong:
        with pytest.raises(SeqtoolError, match=r"damaged \(model\)"):
            read(found)
