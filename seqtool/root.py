"""The root command: it knows the names of all commands and loads only what is called."""

import os
from typing import TYPE_CHECKING

import click

from seqtool import __version__, plugins

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


class Root(click.Group):
    """A click group whose commands are those of the host and of the plugins."""

    called: str | None = None  # the command that was asked for, for messages

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return all names; loads every plugin, but no command that is only named."""
        return sorted(_all_commands())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return one command, loading only the plugin that owns it."""
        return plugins.core_command(cmd_name) or plugins.get_host().command(cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that ``args`` starts with; suggest the nearest when there is none."""
        name = args[0]
        self.called = name
        command = self.get_command(ctx, name)
        if command is None and not ctx.resilient_parsing:
            self.called = None
            raise click.UsageError(_no_such_command(name, self.list_commands(ctx)), ctx=ctx)
        return name if command else None, command, args[1:]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands, from what the plugins say of them: it imports none."""
        found = {name: c for name, c in sorted(_all_commands().items()) if not c.hidden}
        limit = formatter.width - 6 - max(map(len, found))
        with formatter.section("Commands"):
            formatter.write_dl([(name, c.get_short_help_str(limit)) for name, c in found.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem]":
        """Return commands and options that start with ``incomplete``; imports no command."""
        from click.shell_completion import CompletionItem

        return [
            CompletionItem(name, help=command.get_short_help_str())
            for name, command in sorted(_all_commands().items())
            if name.startswith(incomplete) and not command.hidden
        ] + click.Command.shell_complete(self, ctx, incomplete)

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the help: purpose, commands, options, and whether a plugin is broken."""
        formatter.write_usage("seqtool", "COMMAND [OPTIONS] [INPUT]...")
        self.format_help_text(ctx, formatter)
        self.format_commands(ctx, formatter)
        click.Command.format_options(self, ctx, formatter)
        formatter.write_paragraph()
        formatter.write_text("'seqtool COMMAND --help' shows examples and every option.")
        broken = [p.name for p in plugins.get_host().plugins if p.problems and p.selected]
        if broken:
            names = ", ".join(dict.fromkeys(broken))
            formatter.write_text(f"Not every plugin works ({names}): see 'seqtool plugins'.")


def _all_commands() -> dict[str, click.Command | plugins.NamedCommand]:
    return {**plugins.CORE_COMMANDS, **plugins.get_host().commands()}


def _no_such_command(name: str, names: list[str]) -> str:
    import difflib  # only now that it is needed

    near = difflib.get_close_matches(name, names, n=1)
    if near:
        return f"no such command '{name}', did you mean '{near[0]}'?"
    return f"no such command '{name}'"


def make_root() -> Root:
    """Return the root command."""
    # NO_COLOR (https://no-color.org): any value but the empty one switches colours off.
    colour = False if os.environ.get("NO_COLOR") else None
    root = Root(
        name="seqtool",
        help="Classic sequence models in the shell: text and audio in, results out.",
        context_settings={"help_option_names": ["-h", "--help"], "color": colour},
        subcommand_metavar="COMMAND [OPTIONS] [INPUT]...",
        params=[
            click.Option(
                ["--debug"], is_flag=True, expose_value=False, help="Show tracebacks of errors."
            )
        ],
    )
    version = click.version_option(__version__, "--version", message="seqtool %(version)s")
    return version(root)
