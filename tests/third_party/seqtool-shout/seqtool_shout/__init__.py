"""Upper case, for those who are hard of reading."""

from collections.abc import Callable

from seqtool.hookspecs import hookimpl


@hookimpl
def register_commands(register: Callable[..., None]) -> None:
    """Offer the command to the host."""
    register("seqtool_shout.command:shout", name="shout", help="Write text in upper case.")
