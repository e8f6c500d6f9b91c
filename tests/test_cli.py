"""What holds for every command: errors, exit codes, signals, pipes, help, start-up."""

import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import RunCli

from seqtool import __version__
from seqtool.cli import main
from seqtool.root import make_root

# A plugin that fails in every way a command can fail.
FAIL = '''
import os, sys, time
import click
from seqtool.errors import SeqtoolError
from seqtool.hookspecs import hookimpl
from seqtool.options import ExamplesFirst, common_options, format_option, output_option
from seqtool.output import open_output


class Odd(Exception):
    pass


FAILURES = {
    "seqtool": SeqtoolError("a.txt is empty: give it lines"),
    "code": SeqtoolError("nothing left", exit_code=3),
    "usage": click.UsageError("--a and --b exclude each other."),
    "click": click.ClickException("a plain click error"),
    "missing": FileNotFoundError(2, "No such file or directory", "gone.txt"),
    "bytes": PermissionError(13, "Permission denied", b"secret\\xff.txt"),
    "full": OSError(28, "No space left on device"),
    "memory": MemoryError(),
    "odd": Odd("two\\nlines \\x1b[31m"),
    "empty": Odd(),
    "interrupt": KeyboardInterrupt(),
    "pipe": BrokenPipeError(32, "Broken pipe"),
    "abort": click.Abort(),
    "exit": SystemExit(7),
    "exit-none": SystemExit(),
    "exit-text": SystemExit("stopped by hand"),
}


@click.command(cls=ExamplesFirst, examples=[("seqtool fail seqtool", "fail politely")])
@click.argument("kind", required=False)
@output_option
@format_option("text", "json")
@common_options
def fail(kind, output, format, quiet, verbose):
    """Fail in a given way.

    A second paragraph."""
    if kind is None:
        return 5  # what a command returns is no exit code
    if kind == "wait":
        with open_output(output) as out:
            out.write("unfinished")
            out.flush()
            print("ready", flush=True)
            time.sleep(30)
    if kind == "flood":
        with open_output(None) as out:
            for number in range(10**9):
                out.write(f"line {number}\\n")
    if kind == "print":
        print("text " * 10)
        return
    raise FAILURES[kind]


@click.group()
def many():
    """Several jobs."""


@many.command()
@click.option("--size", type=int, required=True)
def train(size):
    """Train."""


@hookimpl
def register_commands(register):
    register(fail)
    register(many)
'''


@pytest.fixture
def failing(make_plugin: Callable[..., Path]) -> Path:
    """Install the plugin above; returns the folder for PYTHONPATH."""
    return make_plugin("fail", FAIL)


@pytest.mark.parametrize(
    ("kind", "code", "message"),
    [
        ("seqtool", 1, "seqtool fail: a.txt is empty: give it lines"),
        ("code", 3, "seqtool fail: nothing left"),
        (
            "usage",
            2,
            "seqtool fail: --a and --b exclude each other (try 'seqtool fail --help')",
        ),
        ("click", 1, "seqtool fail: a plain click error"),
        ("missing", 1, "seqtool fail: gone.txt: No such file or directory"),
        ("bytes", 1, "seqtool fail: secret\\udcff.txt: Permission denied"),
        ("full", 1, "seqtool fail: No space left on device"),
        ("memory", 1, "seqtool fail: out of memory: give it less at a time, or a bigger machine"),
        (
            "odd",
            1,
            "seqtool fail: internal error: Odd: two lines \\x1b[31m "
            "(run again with --debug for the traceback)",
        ),
        (
            "empty",
            1,
            "seqtool fail: internal error: Odd: no message "
            "(run again with --debug for the traceback)",
        ),
        ("interrupt", 130, "seqtool fail: interrupted"),
        ("abort", 130, "seqtool fail: interrupted"),
        ("exit", 7, ""),
        ("exit-none", 0, ""),
        ("exit-text", 1, "stopped by hand"),
    ],
)
def test_a_failure_is_one_line(
    failing: Path, run_cli: RunCli, kind: str, code: int, message: str
) -> None:
    result = run_cli("fail", kind)
    assert result == (code, "", f"{message}\n" if message else "")


def test_what_a_command_returns_is_no_exit_code(failing: Path, run_cli: RunCli) -> None:
    assert run_cli("fail") == (0, "", "")


@pytest.mark.parametrize("arguments", [("--debug", "fail", "odd"), ("fail", "odd", "--debug")])
def test_debug_shows_the_traceback(
    failing: Path, run_cli: RunCli, arguments: tuple[str, ...]
) -> None:
    result = run_cli(*arguments)
    assert result.code == 1
    assert "Traceback" in result.err
    assert "raise FAILURES[kind]" in result.err


def test_debug_by_environment_and_not_after_two_dashes(
    failing: Path, run_cli: RunCli, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "Traceback" not in run_cli("fail", "odd", "--", "--debug").err
    monkeypatch.setenv("SEQTOOL_DEBUG", "1")
    assert "Traceback" in run_cli("fail", "odd").err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("fial",), "seqtool: no such command 'fial', did you mean 'fail'? (try 'seqtool --help')"),
        (("xyzzy",), "seqtool: no such command 'xyzzy' (try 'seqtool --help')"),
        (("--xyzzy",), "seqtool: No such option"),
        (("fail", "--ouptut", "x"), "--output"),
        (("fail", "--format", "yaml"), "seqtool fail: Invalid value for '--format': 'yaml'"),
        (("many", "train"), "seqtool many train: Missing option '--size'"),
        (("many", "train"), "(try 'seqtool many train --help')"),
        (("install",), "seqtool install: Missing argument 'NAME...'"),
    ],
)
def test_a_usage_error_is_one_line_and_two(
    failing: Path, run_cli: RunCli, arguments: tuple[str, ...], message: str
) -> None:
    result = run_cli(*arguments)
    assert (result.code, result.out) == (2, "")
    assert message in result.err
    assert result.err.count("\n") == 1


def test_a_group_without_a_command_shows_its_help(failing: Path, run_cli: RunCli) -> None:
    result = run_cli("many")
    assert result.code == 2
    assert "Several jobs." in result.err


def test_seqtool_alone_prints_help(run_cli: RunCli) -> None:
    alone, dashes, short = run_cli(), run_cli("--help"), run_cli("-h")
    assert alone == dashes == short
    assert alone.code == 0
    assert alone.out.startswith("Usage: seqtool COMMAND")
    assert "doctor" in alone.out
    assert "--debug" in alone.out


def test_version(run_cli: RunCli) -> None:
    assert run_cli("--version") == (0, f"seqtool {__version__}\n", "")


def test_help_shows_examples_before_options(failing: Path, run_cli: RunCli) -> None:
    text = run_cli("fail", "-h").out
    order = [
        text.index(part)
        for part in (
            "Usage: seqtool fail",
            "Fail in a given way.",
            "Examples:",
            "  # fail politely\n  seqtool fail seqtool\n",
            "Options:",
            "A second paragraph.",
        )
    ]
    assert order == sorted(order)


def test_options_are_also_environment_variables(
    failing: Path, run_cli: RunCli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEQTOOL_FORMAT", "yaml")
    result = run_cli("fail")
    assert result.code == 2
    assert "'yaml'" in result.err


def test_main_restores_the_signal_handlers() -> None:
    before = [signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGHUP)]
    main(["--version"])
    assert [signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGHUP)] == before


def start(command: list[str], folder: Path, **options: object) -> "subprocess.Popen[bytes]":
    """Start seqtool as a process that finds the plugins in ``folder``."""
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    environment.pop("PYTHONUNBUFFERED", None)  # buffers are what some of these tests are about
    # A child inherits that a signal is ignored, as under nohup or in the background of a script.
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    return subprocess.Popen(command, env=environment, **streams)  # type: ignore[call-overload, no-any-return]


@pytest.mark.parametrize(
    ("number", "code", "message"),
    [
        (signal.SIGTERM, 143, b""),
        (signal.SIGHUP, 129, b""),
        (signal.SIGINT, 130, b"seqtool fail: interrupted\n"),
    ],
)
def test_a_signal_cleans_up(
    failing: Path,
    tmp_path: Path,
    seqtool_command: list[str],
    number: signal.Signals,
    code: int,
    message: bytes,
) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    command = [*seqtool_command, "fail", "wait", "-o", str(folder / "result.txt")]
    with start(command, failing) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        assert len(list(folder.iterdir())) == 1  # the temporary file
        process.send_signal(number)
        _, err = process.communicate(timeout=10)
    assert (process.returncode, err) == (code, message)
    assert list(folder.iterdir()) == []


def test_a_closed_pipe_ends_quietly(failing: Path, seqtool_command: list[str]) -> None:
    with start([*seqtool_command, "fail", "flood"], failing) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"line 0\n"
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


def test_a_pipe_closed_before_the_last_flush_ends_quietly(
    failing: Path, seqtool_command: list[str]
) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with start([*seqtool_command, "fail", "print"], failing, stdout=writer) as process:
        os.close(writer)
        _, err = process.communicate(timeout=10)
    assert (process.returncode, err) == (0, b"")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
@pytest.mark.parametrize("kind", ["print", "flood"])
def test_a_full_disk_is_one_line(failing: Path, seqtool_command: list[str], kind: str) -> None:
    with (
        open("/dev/full", "wb") as full,
        start([*seqtool_command, "fail", kind], failing, stdout=full) as process,
    ):
        _, err = process.communicate(timeout=10)
    assert err == b"seqtool fail: standard output: No space left on device\n"
    assert process.returncode == 1


@pytest.mark.parametrize("closed", ["1>&-", "2>&-", "0<&- 1>&- 2>&-"])
def test_closed_standard_streams(seqtool_command: list[str], closed: str) -> None:
    line = f'"$@" --version {closed}'
    done = subprocess.run(["sh", "-c", line, "sh", *seqtool_command], capture_output=True)
    assert b"Traceback" not in done.stderr
    assert done.returncode in (0, 1)


def test_shell_completion(failing: Path, seqtool_command: list[str]) -> None:
    def complete(words: str, position: int) -> list[str]:
        environment = {
            **os.environ,
            "PYTHONPATH": str(failing),
            "_SEQTOOL_COMPLETE": "bash_complete",
            "COMP_WORDS": words,
            "COMP_CWORD": str(position),
        }
        done = subprocess.run(seqtool_command, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return [line.partition(",")[2] for line in done.stdout.splitlines()]

    assert complete("seqtool doc", 1) == ["doctor"]
    assert complete("seqtool fa", 1) == ["fail"]
    assert "--output" in complete("seqtool fail --o", 2)
    assert complete("seqtool fail --format j", 3) == ["json"]


def test_completion_script(seqtool_command: list[str]) -> None:
    for shell in ("zsh", "fish"):  # bash is asked for its version, and may not be there
        environment = {**os.environ, "_SEQTOOL_COMPLETE": f"{shell}_source"}
        done = subprocess.run(seqtool_command, env=environment, capture_output=True, text=True)
        assert done.returncode == 0
        assert "_SEQTOOL_COMPLETE" in done.stdout


HEAVY = {"importlib.metadata", "numba", "numpy", "rich", "scipy", "soundfile"}


def imported_by(command: list[str], *arguments: str) -> set[str]:
    """Full names of all modules that ``seqtool ARGUMENTS`` imports."""
    python, *rest = command
    done = subprocess.run(
        [python, "-X", "importtime", *rest, *arguments], capture_output=True, text=True, check=True
    )
    return {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}


def test_help_imports_no_command(seqtool_command: list[str]) -> None:
    imported = imported_by(seqtool_command, "--help")
    assert {"click", "seqtool_bleu"} <= imported
    assert not imported & HEAVY
    assert not imported & {"seqtool.doctor", "seqtool.manage", "seqtool.models", "seqtool.options"}
    assert not [name for name in imported if name.startswith("seqtool_") and "." in name]


def test_commands_import_nothing_heavy(seqtool_command: list[str]) -> None:
    imported = imported_by(seqtool_command, "plugins")  # it looks at every command
    assert "seqtool_bleu.command" in imported
    assert not imported & HEAVY


def test_help_starts_fast(seqtool_command: list[str]) -> None:
    """At most twice ``import click``; several attempts, as a busy machine has outliers."""

    def seconds(command: list[str]) -> float:
        begin = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        return time.perf_counter() - begin

    bare = [sys.executable, "-c", "import click"]
    for _ in range(4):
        pairs = [(seconds(bare), seconds([*seqtool_command, "--help"])) for _ in range(7)]
        ratio = statistics.median(p[1] for p in pairs) / statistics.median(p[0] for p in pairs)
        if ratio <= 2:
            return
    pytest.fail(f"seqtool --help takes {ratio:.2f} times as long as import click")


def test_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    assert make_root().context_settings["color"] is None
    monkeypatch.setenv("NO_COLOR", "1")
    assert make_root().context_settings["color"] is False
