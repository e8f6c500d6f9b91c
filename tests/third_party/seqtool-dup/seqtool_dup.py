"""A plugin that claims a command of another one."""

from collections.abc import Callable

import click

from seqtool.hookspecs import hookimpl


@click.command()
def bleu() -> None:
    """Score nothing."""
    click.echo("the wrong bleu")


@hookimpl
def register_commands(register: Callable[..., None]) -> None:
    """Offer the command to the host."""
    register(bleu)
