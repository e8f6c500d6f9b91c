"""`seqtool analogy`: man is to woman as king is to ?, and other looks at word vectors."""

from collections.abc import Callable

from seqtool.hookspecs import hookimpl


@hookimpl
def register_commands(register: Callable[..., None]) -> None:
    """Add `seqtool analogy`."""
    register(
        "seqtool_analogy.command:command",
        name="analogy",
        help="Solve analogies with word vectors: A is to B as C is to ?",
    )
