"""What holds for every command: how the process starts, fails and ends.

Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted, 143 terminated. A reader that closes
our pipe (``seqtool ... | head``) ends us quietly with 0. A failure is one line on stderr,
``seqtool COMMAND: what, where, what to do``; tracebacks show only under ``--debug``.
"""

import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from seqtool.errors import SeqtoolError, Terminated

if TYPE_CHECKING:
    from collections.abc import Iterator

COMPLETE = "_SEQTOOL_COMPLETE"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``seqtool ARGUMENTS`` (default: those of the process) and return the exit code."""
    if sys.stderr is None:  # closed: print() would write to stdout instead
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 (kept to the end)
    args = list(sys.argv[1:] if arguments is None else arguments)
    debug = _wants_debug(args)
    called: list[str] = []  # the command's name, once it is known
    try:
        with _signals():
            code = _run(args, called)
            _flush_stdout()
            return code
    except BrokenPipeError:
        _silence_stdout()
        return 0
    except BaseException as error:
        if debug and not isinstance(error, SystemExit):
            import traceback

            traceback.print_exc()
        code = _explain(error, called)
        _silence_stdout(only_if_broken=True)
        return code


def _run(args: list[str], called: list[str]) -> int:
    """Parse and run; click's own ``main`` is not used because it ends a closed pipe with 1."""
    import click

    from seqtool import plugins
    from seqtool.root import make_root

    plugins.set_host(None)  # look again: the environment may have changed since the last call
    root = make_root()
    if COMPLETE in os.environ:
        from click.shell_completion import shell_complete

        return shell_complete(root, {}, "seqtool", COMPLETE, os.environ[COMPLETE])
    try:
        with root.make_context("seqtool", args or ["--help"]) as context:
            root.invoke(context)
    except click.exceptions.Exit as end:
        return end.exit_code
    finally:
        if root.called is not None:
            called.append(root.called)
    return 0


def _flush_stdout() -> None:
    if sys.stdout is None:  # closed before we were started
        return
    try:
        sys.stdout.flush()
    except OSError as error:
        if error.filename is None:
            error.filename = "standard output"
        raise


@contextmanager
def _signals() -> "Iterator[None]":
    """Turn SIGTERM and SIGHUP into an exception while inside, so that clean-up code runs."""
    before: dict[int, Any] = {}

    def end(number: int, frame: object) -> None:
        signal.signal(number, signal.SIG_DFL)  # a second one ends us at once
        raise Terminated(number)

    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is None or signal.getsignal(number) == signal.SIG_IGN:  # nohup stays nohup
            continue
        try:
            before[number] = signal.signal(number, end)
        except ValueError:  # not the main thread: somebody embeds us and owns the signals
            break
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _explain(error: BaseException, called: list[str]) -> int:
    """Write the one line for ``error``; return the exit code."""
    if isinstance(error, SystemExit):
        return _exit_code(error)
    if isinstance(error, Terminated):
        return error.exit_code
    if isinstance(error, KeyboardInterrupt):
        _say(called, "interrupted")
        return 130
    if isinstance(error, SeqtoolError):
        _say(called, str(error))
        return error.exit_code
    code = _explain_click(error, called)
    if code is not None:
        return code
    if isinstance(error, OSError):
        _say(called, _os_error(error))
    elif isinstance(error, MemoryError):
        _say(called, "out of memory: give it less at a time, or a bigger machine")
    else:
        text = str(error) or "no message"
        _say(
            called,
            f"internal error: {type(error).__name__}: {text} "
            "(run again with --debug for the traceback)",
        )
    return 1


def _explain_click(error: BaseException, called: list[str]) -> int | None:
    """Write the line for an exception of click's; None when it is not one."""
    click = sys.modules.get("click")
    if click is None:  # it failed to import
        return None
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        error.show()
        return int(error.exit_code)
    if isinstance(error, click.Abort):  # end of file or Ctrl-C at a prompt
        _say(called, "interrupted")
        return 130
    if isinstance(error, click.UsageError):
        path = error.ctx.command_path if error.ctx is not None else _program(called)
        text = error.format_message().rstrip(".")
        _write(f"{path}: {text} (try '{path} --help')")
        return int(error.exit_code)
    if isinstance(error, click.ClickException):
        _say(called, error.format_message())
        return int(error.exit_code)
    return None


def _os_error(error: OSError) -> str:
    what = error.strerror or str(error) or type(error).__name__
    name = error.filename
    if name is None:
        return what
    return f"{os.fsdecode(name) if isinstance(name, bytes) else name}: {what}"


def _exit_code(error: SystemExit) -> int:
    """Return what the interpreter would exit with."""
    if error.code is None:
        return 0
    if isinstance(error.code, int):
        return error.code
    _write(str(error.code))
    return 1


def _wants_debug(args: list[str]) -> bool:
    """Look for --debug by hand: it must also work when the command line cannot be parsed."""
    options = args[: args.index("--")] if "--" in args else args
    return "--debug" in options or os.environ.get("SEQTOOL_DEBUG", "") not in ("", "0")


def _program(called: list[str]) -> str:
    return " ".join(["seqtool", *called])


def _say(called: list[str], text: str) -> None:
    _write(f"{_program(called)}: {text}")


def _write(text: str) -> None:
    """Write one line to stderr: control characters, as in odd file names, are made visible."""
    shown = text.replace("\n", " ").encode("utf-8", "backslashreplace").decode("utf-8")
    line = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in shown)
    _quietly(lambda: print(line, file=sys.stderr, flush=True))


def _silence_stdout(only_if_broken: bool = False) -> None:
    """Point a dead stdout at /dev/null, or the interpreter complains when it flushes at exit."""
    if sys.stdout is None:
        return
    if only_if_broken and _quietly(sys.stdout.flush):
        return

    def redirect() -> None:
        sink = os.open(os.devnull, os.O_WRONLY)
        os.dup2(sink, sys.stdout.fileno())
        os.close(sink)

    _quietly(redirect)


def _quietly(action: Callable[[], None]) -> bool:
    """Run ``action``; return whether it worked. For when there is nobody left to tell."""
    try:
        action()
    except (OSError, ValueError, AttributeError):
        return False
    return True
