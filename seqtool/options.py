"""Options that several commands share, each defined once, and the look of help pages.

Every option can also be set by the environment variable ``SEQTOOL_<OPTION>``.
"""

import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import click

Function = TypeVar("Function", bound=Callable[..., Any])


def usable_cores() -> int:
    """Return the number of cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def common_options(function: Function) -> Function:
    """Add -q/--quiet, -v/--verbose and --debug: passes ``quiet`` and ``verbose``."""
    for decorate in (
        # The host looks for --debug itself, before anything is parsed.
        click.option(
            "--debug", is_flag=True, expose_value=False, help="Show tracebacks of errors."
        ),
        click.option(
            "-v", "--verbose", is_flag=True, envvar="SEQTOOL_VERBOSE", help="Say more on stderr."
        ),
        click.option(
            "-q",
            "--quiet",
            is_flag=True,
            envvar="SEQTOOL_QUIET",
            help="No progress and no remarks on stderr.",
        ),
    ):
        function = decorate(function)
    return function


def output_option(function: Function) -> Function:
    """Add -o/--output FILE: passes ``output`` (None means stdout), made for ``open_output``."""
    return click.option(
        "-o",
        "--output",
        metavar="FILE",
        type=click.Path(),
        envvar="SEQTOOL_OUTPUT",
        help="Write the result to FILE, complete or not at all; - is stdout.",
    )(function)


def format_option(*formats: str, default: str | None = None) -> Callable[[Function], Function]:
    """Add --format with the given choices, the first being the default: passes ``format``."""
    return click.option(
        "--format",
        type=click.Choice(formats),
        default=default or formats[0],
        show_default=True,
        envvar="SEQTOOL_FORMAT",
        help="Format of the result.",
    )


def threads_option(function: Function) -> Function:
    """Add --threads N: passes ``threads``, by default the number of usable cores."""
    return click.option(
        "--threads",
        metavar="N",
        type=click.IntRange(min=1),
        default=usable_cores,
        show_default="usable cores",
        envvar="SEQTOOL_THREADS",
        help="Number of threads; the result is the same for every N.",
    )(function)


def seed_option(default: int | None = None) -> Callable[[Function], Function]:
    """Add --seed N: passes ``seed``."""
    return click.option(
        "--seed",
        metavar="N",
        type=click.IntRange(min=0),
        default=default,
        show_default=default is not None,
        envvar="SEQTOOL_SEED",
        help="Seed of the random numbers.",
    )


def errors_option(function: Function) -> Function:
    """Add --errors strict|replace: passes ``errors``."""
    return click.option(
        "--errors",
        type=click.Choice(["strict", "replace"]),
        default="strict",
        show_default=True,
        envvar="SEQTOOL_ERRORS",
        help="Input that is not UTF-8: stop with file and line, or put U+FFFD.",
    )(function)


class ExamplesFirst(click.Command):
    """A command whose help shows usage, purpose, examples, options, and then the rest.

    ``examples`` holds (command line, what it does) pairs. ``sections`` groups long lists of
    options: heading -> parameter names; options of no section come last, under "Options".
    """

    def __init__(
        self,
        *args: Any,
        examples: Sequence[tuple[str, str]] = (),
        sections: Mapping[str, Sequence[str]] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.examples = examples
        self.sections = sections or {}

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the help page; called by click."""
        purpose, _, rest = inspect.cleandoc(self.help or "").partition("\n\n")
        self.format_usage(ctx, formatter)
        if purpose:
            formatter.write_paragraph()
            with formatter.indentation():
                formatter.write_text(" ".join(purpose.split()))
        self._format_examples(formatter)
        self._format_sections(ctx, formatter)
        for paragraph in filter(None, rest.split("\n\n")):
            formatter.write_paragraph()
            formatter.write_text(paragraph.strip("\n"))
        self.format_epilog(ctx, formatter)

    def _format_examples(self, formatter: click.HelpFormatter) -> None:
        if not self.examples:
            return
        with formatter.section("Examples"):
            for number, (line, meaning) in enumerate(self.examples):
                if number:
                    formatter.write_paragraph()
                # Written as they are: wrapped lines could not be copied into a shell.
                pad = " " * formatter.current_indent
                formatter.write(f"{pad}# {meaning}\n{pad}{line}\n")

    def _format_sections(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        heading = {name: title for title, names in self.sections.items() for name in names}
        rows: dict[str, list[tuple[str, str]]] = {title: [] for title in self.sections}
        rows["Options"] = []
        for parameter in self.get_params(ctx):
            if isinstance(parameter, click.Argument):
                continue  # the usage line shows it
            record = parameter.get_help_record(ctx)
            if record is not None:
                rows[heading.get(parameter.name or "", "Options")].append(record)
        for title, records in rows.items():
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)
