"""`seqtool generate`: language models. Train them, sample from them, score text by them."""

from collections.abc import Callable

from seqtool.hookspecs import hookimpl


@hookimpl
def register_commands(register: Callable[..., None]) -> None:
    """Add `seqtool generate`."""
    register(
        "seqtool_generate.command:command",
        name="generate",
        help="Write text by a language model, token by token as it is drawn.",
    )
