"""`seqtool translate`: from one language into another, by models of one's own pairs."""

from collections.abc import Callable

from seqtool.hookspecs import hookimpl


@hookimpl
def register_commands(register: Callable[..., None]) -> None:
    """Add `seqtool translate`."""
    register(
        "seqtool_translate.command:command",
        name="translate",
        help="Translate text: a line in, a line out.",
    )
