"""`seqtool detect-trigger`: watch a stream of sound for a word."""

from __future__ import annotations

from collections.abc import Callable

from seqtool.hookspecs import hookimpl


@hookimpl
def register_commands(register: Callable[..., None]) -> None:
    """Add `seqtool detect-trigger`."""
    register(
        "seqtool_detect_trigger.command:command",
        name="detect-trigger",
        help="Watch sound for a trigger word: a line an event.",
    )
