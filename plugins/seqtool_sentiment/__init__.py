"""`seqtool sentiment`: positive or negative, one to five stars, or any labels, for texts."""

from collections.abc import Callable

from seqtool.hookspecs import hookimpl


@hookimpl
def register_commands(register: Callable[..., None]) -> None:
    """Add `seqtool sentiment`."""
    register(
        "seqtool_sentiment.command:command",
        name="sentiment",
        help="Label texts: positive or negative, or the labels of a model you train.",
    )
