"""The commands that look after plugins: ``plugins``, ``install``, ``uninstall``."""

import sys

import click

from seqtool.errors import SeqtoolError
from seqtool.options import ExamplesFirst, common_options, format_option
from seqtool.output import open_output
from seqtool.plugins import Plugin, get_host


@click.command(
    cls=ExamplesFirst,
    examples=[
        ("seqtool plugins", "every plugin, its commands, and why it does not work"),
        ("seqtool plugins --verbose", "with the tracebacks of those that fail"),
        ("seqtool plugins --format json", "the same for a program"),
    ],
)
@format_option("text", "json")
@common_options
def plugins(format: str, quiet: bool, verbose: bool) -> None:
    """List the installed plugins and their state."""
    found = get_host().load_commands()
    rows = [_row(plugin) for plugin in found]
    if verbose:
        import traceback

        for plugin in found:
            if plugin.error is not None:
                traceback.print_exception(plugin.error)
    with open_output(None) as out:
        if format == "json":
            import json

            out.write(json.dumps({"plugins": rows}, ensure_ascii=False, indent=2) + "\n")
        else:
            out.write(_table(rows))


@click.command(
    cls=ExamplesFirst,
    examples=[("seqtool install seqtool-shout", "add a plugin from the package index")],
)
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@common_options
def install(names: tuple[str, ...], quiet: bool, verbose: bool) -> None:
    """Install plugins with this environment's pip."""
    _pip("install", names, quiet)


@click.command(
    cls=ExamplesFirst,
    examples=[("seqtool uninstall seqtool-shout", "remove a plugin")],
)
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@common_options
def uninstall(names: tuple[str, ...], quiet: bool, verbose: bool) -> None:
    """Uninstall plugins with this environment's pip."""
    _pip("uninstall", ["--yes", *names], quiet, names)


def _row(plugin: Plugin) -> dict[str, object]:
    return {
        "name": plugin.name,
        "distribution": plugin.entry.distribution,
        "version": plugin.entry.version,
        "commands": sorted(plugin.commands),
        "status": plugin.status,
        "reason": plugin.reason,
    }


def _table(rows: list[dict[str, object]]) -> str:
    """Return the rows as text, columns aligned; the reason, which can be long, comes last."""
    if not rows:
        return "no plugins\n"
    columns = ["name", "distribution", "version", "commands", "status", "reason"]
    cells = [columns]
    for row in rows:
        cells.append([_cell(row[column]) for column in columns])
    widths = [max(len(line[i]) for line in cells) for i in range(len(columns))]
    lines = ("  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) for line in cells)
    return "".join(line.rstrip() + "\n" for line in lines)


def _cell(value: object) -> str:
    text = " ".join(value) if isinstance(value, list) else str(value)
    return text or "-"


def _pip(
    action: str, arguments: tuple[str, ...] | list[str], quiet: bool, names: tuple[str, ...] = ()
) -> None:
    for name in names or arguments:
        if name.startswith("-"):
            raise click.UsageError(f"'{name}' is not the name of a package")
    import subprocess
    from importlib.util import find_spec

    if find_spec("pip") is None:
        raise SeqtoolError(
            f"{sys.executable} has no pip: add it ('{sys.executable} -m ensurepip'), or use the "
            "tool that made this environment"
        )
    command = [sys.executable, "-m", "pip", action, *(["--quiet"] if quiet else []), *arguments]
    code = subprocess.run(command, check=False).returncode
    if code:
        raise click.exceptions.Exit(code if code > 0 else 128 - code)
