"""The list of corpora that can be made, and the making of one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from seqtool.errors import SeqtoolError
from seqtool.output import open_output
from seqtool.plugins import call_hook
from seqtool.progress import Progress
from seqtool.text import numbered_lines

# So many lines in a row that are not new: there are hardly any others.
PATIENCE = 100_000


class Corpus(NamedTuple):
    """A corpus that can be made.

    Attributes:
        name: what the user calls it.
        lines: a function of a seed that gives lines, without their ends, for ever or until there
            are no more; any of them may come repeatedly.
        about: what it is, in a line.
        columns: what the columns of a line are, which tabs separate.
    """

    name: str
    lines: Callable[[int], Iterator[str]]
    about: str
    columns: Sequence[str]


def known_corpora() -> dict[str, Corpus]:
    """All corpora of plugins by name; of two of a name the first counts."""
    found: dict[str, Corpus] = {}

    def register(
        name: str, lines: Callable[[int], Iterator[str]], about: str, columns: Sequence[str] = ()
    ) -> None:
        found.setdefault(name, Corpus(name, lines, about, columns))

    call_hook("register_corpora", register=register)
    return found


def run_list(format: str, output: str | None) -> None:
    """Write what can be made."""
    corpora = known_corpora().values()
    with open_output(output) as out:
        if format == "json":
            rows = [
                {"name": corpus.name, "columns": list(corpus.columns), "about": corpus.about}
                for corpus in corpora
            ]
            out.write(json.dumps({"corpora": rows}, ensure_ascii=False, indent=2) + "\n")
            return
        width = max((len(corpus.name) for corpus in corpora), default=0)
        for corpus in corpora:
            columns = f" ({', '.join(corpus.columns)})" if corpus.columns else ""
            out.write(f"{corpus.name:<{width}}  {corpus.about}{columns}\n")


def run_make(name: str, settings: Mapping[str, Any]) -> None:
    """Write lines of a corpus. Raises SeqtoolError."""
    corpora = known_corpora()
    if name not in corpora:
        raise SeqtoolError(f"no corpus '{name}': there are {', '.join(sorted(corpora)) or 'none'}")
    count, held_out = settings["count"], settings["held_out"]
    taken = {line for _, line in numbered_lines(held_out)} if held_out else set()
    progress = Progress(f"making {name}", "lines", total=count, quiet=settings["quiet"])
    with open_output(settings["output"]) as out, progress:
        for line in different_lines(corpora[name], settings["seed"], count, taken):
            out.write(f"{line}\n")
            progress.advance()


def different_lines(corpus: Corpus, seed: int, count: int, taken: set[str]) -> Iterator[str]:
    """The first ``count`` lines that are not in ``taken``, to which they are added.

    Raises SeqtoolError when there are not so many, and for a line with a line break in it.
    """
    made = 0
    repeated = 0
    lines = corpus.lines(seed)
    while made < count:
        line = next(lines, None)
        repeated = repeated + 1 if line in taken else 0
        if line is None or repeated == PATIENCE:
            raise SeqtoolError(
                f"the corpus '{corpus.name}' has no more than {made:,} such lines: use a smaller "
                "--count"
            )
        if repeated:
            continue
        if "\n" in line:
            raise SeqtoolError(f"the corpus '{corpus.name}' made a line with a line break in it")
        taken.add(line)
        made += 1
        yield line
