"""What the pages show is what the program prints.

Commands stand in blocks fenced as ``console``, behind ``$``; a line ``...`` stands for any lines.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from conftest import REPOSITORY

PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
OURS = re.compile(r"((printf|echo) .*\| *)?seqtool( |$)")
# They change what is installed, take long, or are of the plugin that the reader writes.
NOT_RUN = re.compile(r"seqtool (install|uninstall|warmup|shout)\b")
# What they print depends on the machine; so does whether a kernel must be compiled first.
COMPILING = "seqtool: compiling "
NOT_COMPARED = re.compile(r"seqtool (doctor|plugins)\b")


class Example(NamedTuple):
    """A command of a page and the lines shown below it."""

    page: str
    line: int
    command: str
    shown: list[str]

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def examples(page: Path) -> Iterator[Example]:
    """The commands of a page."""
    name = page.relative_to(REPOSITORY).as_posix()
    inside = False
    example: Example | None = None
    for number, line in enumerate(page.read_text(encoding="utf-8").split("\n"), 1):
        if line.startswith("```"):
            inside = line == "```console"
            if example:
                yield example
            example = None
        elif inside and line.startswith("$ "):
            if example:
                yield example
            example = Example(name, number, line.removeprefix("$ "), [])
        elif example and example.command.endswith("\\"):
            command = f"{example.command[:-1]}{line.removeprefix('> ').strip()}"
            example = example._replace(command=command)
        elif example:
            example.shown.append(line)


def all_examples() -> list[Example]:
    """The commands of all pages that are ours to run."""
    found = [example for page in PAGES for example in examples(page)]
    return [e for e in found if OURS.match(e.command) and not NOT_RUN.search(e.command)]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the examples in it, and a folder ``bin`` with the command."""
    folder = tmp_path_factory.mktemp("docs")
    shutil.copytree(REPOSITORY / "examples", folder / "examples")
    (folder / "bin").mkdir()
    command = folder / "bin" / "seqtool"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m seqtool "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    return folder


def tolerant(line: str) -> str:
    """The line with the things replaced that change between releases and runs."""
    line = re.sub(r"\bseqtool[- ]\d+\.\d+\.\d+\S*", "seqtool-VERSION", line.rstrip())
    return re.sub(r"\b\d+(\.\d+)? ?m?s\b", "TIME", line)


def matches(shown: list[str], printed: list[str]) -> bool:
    """Whether the lines are the same, ``...`` standing for any number of lines."""
    pattern = "".join(
        r"(?:.*\n)*?" if line == "..." else re.escape(tolerant(line)) + r"\n" for line in shown
    )
    return bool(re.fullmatch(pattern, "".join(f"{tolerant(line)}\n" for line in printed)))


@pytest.mark.parametrize("example", all_examples(), ids=str)
def test_example(example: Example, place: Path) -> None:
    environment = {
        **os.environ,
        "PATH": f"{place / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "COLUMNS": "80",
        "LC_ALL": "C.UTF-8",
    }
    done = subprocess.run(
        ["sh", "-c", example.command],
        cwd=place,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
        timeout=120,
    )
    shows_failure = bool(example.shown) and example.shown[-1].startswith("seqtool")
    assert done.returncode == 0 or shows_failure, done.stdout
    if example.shown and not NOT_COMPARED.search(example.command):
        printed = done.stdout.removesuffix("\n").split("\n") if done.stdout else []
        # Said once on a machine, by whichever test comes first.
        printed = [line for line in printed if not line.startswith("seqtool: compiling ")]
        if not matches(example.shown, printed):
            assert "\n".join(printed) == "\n".join(example.shown)


def test_there_are_examples() -> None:
    assert len(all_examples()) >= 3


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        (["a", "b"], ["a", "b"], True),
        (["a"], ["a", "b"], False),
        (["a", "..."], ["a", "b", "c"], True),
        (["...", "c"], ["a", "b", "c"], True),
        (["...", "b"], ["a", "b", "c"], False),
        (["a", "...", "c"], ["a", "c"], True),
        (["..."], [], True),
        (["seqtool 0.1.0", "done in 1.5 s"], ["seqtool 0.2.0", "done in 20 ms"], True),
        (["1.5"], ["1.6"], False),
    ],
)
def test_matching(shown: list[str], printed: list[str], same: bool) -> None:
    assert matches(shown, printed) == same


def test_links_between_pages_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name}: {target}"
