"""What a benchmark of several cases is as a program: options, choice of cases, keeping results."""

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

import timing
from bleu import find_program
from embedding_runs import known_rows, log, merge_rows

HEADER = ["what", "seqtool", "peer", "ratio", "measured", "asked"]
Rows = list[list[str]]


class Bench(NamedTuple):
    """What all cases need: the command, the data, a folder to work in, the options."""

    seqtool: str
    data: Path
    work: Path
    options: argparse.Namespace


Case = Callable[[Bench, str], Rows]


class Section(NamedTuple):
    """A section of RESULTS.md: its title, what to know about its rows, packages, cases by name."""

    title: str
    note: str
    packages: Sequence[str]
    cases: Mapping[str, Case]


def parser(description: str | None, repeat: int) -> argparse.ArgumentParser:
    """The options that all have."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--data", default=os.environ.get("SEQTOOL_DATA"), help="folder of data")
    parser.add_argument("--only", action="append", help="cases to run, as a pattern")
    parser.add_argument("--repeat", type=int, default=repeat, help="measured runs")
    parser.add_argument("--seqtool", help="the command to measure")
    parser.add_argument("--results", help="another file than RESULTS.md")
    parser.add_argument("--list", action="store_true", help="name the cases")
    return parser


def main(section: Section, options: argparse.Namespace) -> None:
    """Run the cases that are asked for; each replaces its own rows as soon as it is done."""
    if options.list:
        print("\n".join(section.cases))
        return
    patterns = options.only or ["*"]
    chosen = [name for name in section.cases if any(fnmatch(name, only) for only in patterns)]
    if not chosen:
        sys.exit(f"no such case; there are: {', '.join(section.cases)}")
    if not options.data:
        sys.exit("name the folder of data: --data FOLDER or SEQTOOL_DATA")
    with tempfile.TemporaryDirectory(prefix="seqtool-bench-") as folder:
        seqtool = options.seqtool or find_program("seqtool")
        bench = Bench(seqtool, Path(options.data), Path(folder), options)
        for name in chosen:
            log(f"--- {name}")
            keep(section, section.cases[name](bench, name), options.results)


def keep(section: Section, rows: Rows, results: str | None) -> None:
    """Put rows into the section of the results."""
    path = Path(results) if results else timing.RESULTS
    for cells in rows:
        log(" | ".join(cells))
    merged = merge_rows(known_rows(section.title, path), rows, list(section.cases))
    machine = timing.machine(section.packages)
    body = f"{section.note}\n\nLast run: {machine}\n\n{timing.table(HEADER, merged)}"
    timing.write_section(section.title, body, path)
