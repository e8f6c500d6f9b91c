"""`seqtool corpora`: made-up corpora to try a model on. The same seed makes the same lines."""

from collections.abc import Callable

from seqtool.hookspecs import hookimpl


@hookimpl
def register_commands(register: Callable[..., None]) -> None:
    """Add `seqtool corpora`."""
    register(
        "seqtool_corpora.command:command",
        name="corpora",
        help="List the corpora that can be made; make one.",
    )


@hookimpl
def register_corpora(register: Callable[..., None]) -> None:
    """Add the dates."""
    from seqtool_corpora.dates import ABOUT, COLUMNS, dates

    register("dates", dates, ABOUT, COLUMNS)
