"""The generated table of character classes against the package it was made from."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from seqtool import unicode_classes

regex = pytest.importorskip("regex")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    """tools/make_unicode_classes.py, if regex follows the Unicode version of the table."""
    spec = importlib.util.spec_from_file_location(
        "make_unicode_classes", ROOT / "tools" / "make_unicode_classes.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    installed = module.regex_unicode_version()
    if installed != unicode_classes.UNICODE_VERSION:
        pytest.skip(
            f"regex follows Unicode {installed}, the table {unicode_classes.UNICODE_VERSION}"
        )
    return module


def test_file_is_what_the_generator_writes(generator: ModuleType) -> None:
    written = Path(unicode_classes.__file__).read_text(encoding="utf-8")
    assert written == generator.render()


@pytest.mark.parametrize(
    ("category", "bit"),
    [
        ("P", unicode_classes.PUNCTUATION),
        ("S", unicode_classes.SYMBOL),
        ("N", unicode_classes.NUMBER),
    ],
)
def test_categories_of_every_code_point(generator: ModuleType, category: str, bit: int) -> None:
    table = unicode_classes.class_table()
    assert len(table) == 0x110000
    match = regex.compile(rf"\p{{{category}}}").match
    wrong = [hex(c) for c in range(0x110000) if bool(match(chr(c))) != bool(table[c] & bit)]
    assert wrong == []


def test_white_space_of_every_code_point() -> None:
    table = unicode_classes.class_table()
    found = [c for c in range(0x110000) if table[c] & unicode_classes.WHITE_SPACE]
    assert found == [c for c in range(0x110000) if chr(c).isspace()]


def test_no_code_point_has_two_classes() -> None:
    assert set(unicode_classes.class_table()) == {0, 1, 2, 4, 8}
