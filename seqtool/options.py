"""Options that several commands share, each defined once, and the look of help pages.

Every option can also be set by the environment variable ``SEQTOOL_<OPTION>``.
"""

import inspect
import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import click

Function = TypeVar("Function", bound=Callable[..., Any])

_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def together(*decorators: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """One decorator of several; the first is the outermost."""

    def decorate(function: Any) -> Any:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return decorate


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
            callback=_apply_quiet,
            help="No progress and no remarks on stderr.",
        ),
    ):
        function = decorate(function)
    return function


def model_option(what: str) -> Callable[[Function], Function]:
    """Add -m/--model: passes ``model``, None for the built-in one; ``what`` it is, for the help."""
    return click.option(
        "-m",
        "--model",
        metavar="FILE",
        envvar="SEQTOOL_MODEL",
        help=f"{what}: a file, or the name of an installed model.  [default: the built-in one]",
    )


def _apply_quiet(context: click.Context, option: click.Parameter, quiet: bool) -> bool:
    if quiet:
        from seqtool.kernels import set_quiet

        set_quiet(True)
        context.call_on_close(lambda: set_quiet(False))
    return quiet


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


def output_file_option(text: str) -> Callable[[Function], Function]:
    """Add -o/--output FILE for what cannot go to stdout, such as a model: passes ``output``."""
    return click.option(
        "-o",
        "--output",
        metavar="FILE",
        type=click.Path(),
        envvar="SEQTOOL_OUTPUT",
        required=True,
        help=text,
    )


def format_option(*formats: str) -> Callable[[Function], Function]:
    """Add --format with the given choices, the first being the default: passes ``format``."""
    return click.option(
        "--format",
        type=click.Choice(formats),
        default=formats[0],
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


def _bytes(ctx: click.Context, param: click.Parameter, value: str) -> int:
    """A number of bytes such as 500M or 2G."""
    text = value.strip().upper().removesuffix("B")
    unit = text[-1:] if text[-1:] in _UNITS else ""
    number = text.removesuffix(unit)
    if not number.isdecimal() or int(number) == 0:
        raise click.BadParameter(f"{value!r} is no size: write for example 500M or 2G")
    return int(number) * _UNITS[unit]


def memory_option(function: Function) -> Function:
    """Add --memory SIZE: passes ``memory``, a number of bytes."""
    return click.option(
        "--memory",
        callback=_bytes,
        metavar="SIZE",
        default="2G",
        show_default=True,
        help="Bound of the tables that count; what does not fit goes to disk.",
    )(function)


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


def number_option(
    name: str, default: int | None, text: str, least: int = 1, most: int | None = None
) -> Callable[[Any], Any]:
    """An option of a whole number from ``least`` to ``most``; ``text`` is its help."""
    return click.option(
        name,
        type=click.IntRange(min=least, max=most),
        default=default,
        show_default=default is not None,
        metavar="N",
        help=text,
    )


class FiniteRange(click.FloatRange):
    """A `click.FloatRange` that takes no infinity and, unlike click's, no NaN."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Read the number; a wrong one is wrong usage."""
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return number


def amount_option(
    name: str, default: float, text: str, most: float | None = None, **bounds: bool
) -> Callable[[Any], Any]:
    """An option of a number from 0 to ``most``; ``bounds`` are those of `FiniteRange`."""
    return click.option(
        name,
        type=FiniteRange(min=0, max=most, **bounds),
        default=default,
        show_default=True,
        metavar="X",
        help=text,
    )


def rate_option(name: str, default: float, text: str) -> Callable[[Any], Any]:
    """An option of a share below 1, such as a rate of dropout."""
    return amount_option(name, default, text, most=1, max_open=True)


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


class CommandWithJobs(ExamplesFirst, click.Group):
    """A command that does its main job unless its first word names another of its jobs.

    ``seqtool COMMAND WORD...`` runs the callback, with the options and arguments declared for
    it; ``seqtool COMMAND JOB ...`` runs the sub-command JOB. A first word that happens to be the
    name of a job reaches the main job behind ``--``. Options may stand before JOB, too.
    """

    allow_interspersed_args = True  # options may stand behind words; a click group's may not

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("invoke_without_command", True)
        kwargs.setdefault("no_args_is_help", False)
        super().__init__(*args, **kwargs)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse for the main job, or leave the arguments to the sub-command; called by click."""
        at = self._job_position(ctx, args)
        if at is None:
            click.Command.parse_args(self, ctx, args)
            if ctx.args and not ctx.resilient_parsing:
                jobs = ", ".join(self.commands)
                raise click.UsageError(f"no job '{ctx.args[0]}': there are {jobs}", ctx)
            return ctx.args
        ctx._protected_args, ctx.args = [args[at]], args[:at] + args[at + 1 :]
        return ctx.args

    def _job_position(self, ctx: click.Context, args: list[str]) -> int | None:
        """Where the name of a job stands: the first word that is no option nor its value."""
        valued = {
            name
            for parameter in self.get_params(ctx)
            if isinstance(parameter, click.Option) and not parameter.is_flag
            for name in parameter.opts
        }
        at = 0
        while at < len(args):
            word = args[at]
            if word == "--":
                return None
            if not word.startswith("-") or word == "-":
                return at if word in self.commands else None
            at += 2 if word in valued else 1
        return None

    def invoke(self, ctx: click.Context) -> Any:
        """Run the main job or the sub-command; called by click."""
        if not ctx._protected_args:
            return click.Command.invoke(self, ctx)
        args = [*ctx._protected_args, *ctx.args]
        ctx.args, ctx._protected_args = [], []
        name, command, rest = self.resolve_command(ctx, args)
        assert command is not None  # parse_args saw that it is there
        with command.make_context(name, rest, parent=ctx) as inner:
            return command.invoke(inner)

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Parameters; no arguments where jobs are what matters; called by click.

        That is in the path of a sub-command, and when a shell completes the first word.
        """
        parameters = super().get_params(ctx)
        if ctx.command is self and not ctx.resilient_parsing:
            return parameters
        return [p for p in parameters if not isinstance(p, click.Argument)]

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """The usage line is that of the main job; called by click."""
        return click.Command.collect_usage_pieces(self, ctx)

    def _format_sections(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [
            (name, command.get_short_help_str(limit=formatter.width))
            for name, command in self.commands.items()
        ]
        with formatter.section("Other jobs"):
            formatter.write_dl(rows)
        super()._format_sections(ctx, formatter)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The jobs in the order they were declared; called by click."""
        return list(self.commands)


def given(name: str) -> bool:
    """Whether an option of the running command stands on its command line."""
    source: Any = click.get_current_context().get_parameter_source(name)
    return bool(source == click.core.ParameterSource.COMMANDLINE)


def refuse_overwriting(targets: Iterable[str | None], read: Iterable[object]) -> None:
    """Refuse to write over what is read; only texts are paths. Raises click.UsageError."""
    paths = [path for path in read if isinstance(path, str) and os.path.exists(path)]
    for target in targets:
        if target and os.path.exists(target):
            for path in paths:
                if os.path.samefile(path, target):
                    raise click.UsageError(f"{target} is read: it cannot be written, too")
