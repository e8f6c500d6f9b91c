"""A plugin for a host that does not exist yet."""

from collections.abc import Callable

import click

from seqtool.hookspecs import hookimpl

SEQTOOL_API = 99


@click.command()
def future() -> None:
    """Never runs."""
    click.echo("from the future")


@hookimpl
def register_commands(register: Callable[..., None]) -> None:
    """Offer the command to the host."""
    register(future)
