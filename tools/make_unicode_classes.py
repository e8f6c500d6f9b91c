"""Write seqtool/unicode_classes.py: the character classes that scoring needs.

    python tools/make_unicode_classes.py            write the file
    python tools/make_unicode_classes.py --check    exit 1 if the file is not what would be written

The general categories are those of the `regex` package; its metadata names the version of
Unicode that it follows.
"""

import argparse
import re
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import regex

TARGET = Path(__file__).resolve().parent.parent / "seqtool" / "unicode_classes.py"
CODE_POINTS = 0x110000
LINE_LENGTH = 100

TEMPLATE = '''\
"""Classes of characters: punctuation, symbols, numbers, white space.

Written by tools/make_unicode_classes.py from the `regex` package; do not edit by hand.

Each tuple holds pairs (first code point, code point after the last one). The first three
classes are the general categories P, S and N of Unicode {version}; white space is what
`str.isspace` and `str.split` take it to be.
"""

UNICODE_VERSION = "{version}"

PUNCTUATION = 1
SYMBOL = 2
NUMBER = 4
WHITE_SPACE = 8

# fmt: off
{tables}
# fmt: on


def class_table() -> bytearray:
    """One byte for each of the 0x110000 code points: the bit of its class, or 0."""
    table = bytearray(0x110000)
    for bit, ranges in (
        (PUNCTUATION, PUNCTUATION_RANGES),
        (SYMBOL, SYMBOL_RANGES),
        (NUMBER, NUMBER_RANGES),
        (WHITE_SPACE, WHITE_SPACE_RANGES),
    ):
        filler = bytes((bit,))
        boundaries = iter(ranges)
        for start, stop in zip(boundaries, boundaries):  # noqa: B905 (strict= costs time here)
            table[start:stop] = filler * (stop - start)
    return table
'''


def regex_unicode_version() -> str:
    """The version of Unicode that the installed `regex` says it follows, or "unknown"."""
    description = metadata.metadata("regex")["Description"]
    found = re.search(r"supports Unicode (\d+\.\d+\.\d+)", description)
    return found[1] if found else "unknown"


def boundaries(wanted: list[bool]) -> list[int]:
    """Where runs of true begin and end."""
    changes = []
    previous = False
    for code_point, value in enumerate([*wanted, False]):
        if value != previous:
            changes.append(code_point)
        previous = value
    return changes


def category(name: str) -> list[int]:
    """Boundaries of a general category or another property."""
    runs = regex.finditer(rf"\p{{{name}}}+", "".join(map(chr, range(CODE_POINTS))))
    return [edge for run in runs for edge in run.span()]


def literal(name: str, numbers: list[int]) -> str:
    """A tuple of hexadecimal numbers, in lines filled to the limit."""
    lines = [f"{name} = ("]
    line = "   "
    for number in numbers:
        item = f" {number:#x},"
        if len(line) + len(item) > LINE_LENGTH:
            lines.append(line)
            line = "   "
        line += item
    return "\n".join([*lines, line, ")"])


def render() -> str:
    """The text of seqtool/unicode_classes.py."""
    tables = [
        literal("PUNCTUATION_RANGES", category("P")),
        literal("SYMBOL_RANGES", category("S")),
        literal("NUMBER_RANGES", category("N")),
        literal("WHITE_SPACE_RANGES", boundaries([chr(c).isspace() for c in range(CODE_POINTS)])),
    ]
    return TEMPLATE.format(version=regex_unicode_version(), tables="\n".join(tables))


def run(target: Path, render: Callable[[], str]) -> int:
    """Write ``target``, or compare with it, as the command line says."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    arguments = parser.parse_args()
    text = render()
    if arguments.check:
        same = target.read_text(encoding="utf-8") == text
        print(f"{target.name}: {'as generated' if same else 'differs from what is generated'}")
        return 0 if same else 1
    target.write_text(text, encoding="utf-8", newline="\n")
    print(f"{target}: {len(text)} bytes, Unicode {regex_unicode_version()}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(run(TARGET, render))
