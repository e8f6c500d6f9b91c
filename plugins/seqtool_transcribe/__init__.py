"""`seqtool transcribe`: speech into text, by models of one's own recordings."""

from __future__ import annotations

from collections.abc import Callable

from seqtool.hookspecs import hookimpl


@hookimpl
def register_commands(register: Callable[..., None]) -> None:
    """Add `seqtool transcribe`."""
    register(
        "seqtool_transcribe.command:command",
        name="transcribe",
        help="Write down what is said in recordings.",
    )
