"""`--exec`: a command that runs at every event."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterable, Mapping

import click

from seqtool.errors import SeqtoolError
from seqtool_detect_trigger.listening import Event

_MOST = 32  # commands that run at the same time; then the oldest one is waited for


class Action:
    """Starts a command at each event, and does not wait for it.

    Args:
        command: words as in a shell; ``{time}``, ``{score}`` and ``{name}`` are filled in.
        shell: whether ``/bin/sh`` runs it; what is filled in is then quoted.
        names: that may be filled in.
        warn: gets a line for each command that fails.

    Raises SeqtoolError for a command that cannot be run and for a name that no shell may see,
    click.UsageError for quotes that do not end.
    """

    def __init__(
        self, command: str, shell: bool, names: Iterable[str], warn: Callable[[str], None]
    ) -> None:
        self._command, self._shell, self._warn = command, shell, warn
        self._running: list[subprocess.Popen[bytes]] = []
        try:
            self._words = shlex.split(command)
        except ValueError as error:
            raise click.UsageError(f"--exec {command!r}: {error}") from error
        if not self._words:
            raise click.UsageError("--exec: no command")
        if not shell and shutil.which(self._words[0]) is None:
            raise SeqtoolError(
                f"--exec: no command '{self._words[0]}' (a shell's own need --shell)"
            )
        if shell and "{name}" in command:
            _check_names(names)

    def run(self, event: Event) -> None:
        """Start the command; its standard input is empty."""
        self._reap()
        while len(self._running) >= _MOST:
            self._finish(self._running.pop(0))
        values = {
            "time": f"{event.time:.2f}",
            "score": f"{event.score:.3f}",
            "name": event.name,
        }
        if self._shell:
            line = _filled(self._command, {key: shlex.quote(x) for key, x in values.items()})
            words = ["/bin/sh", "-c", line]
        else:
            words = [_filled(word, values) for word in self._words]
        try:
            self._running.append(subprocess.Popen(words, stdin=subprocess.DEVNULL))
        except (OSError, ValueError) as error:
            raise SeqtoolError(f"--exec: {words[0]}: {error}") from error

    def wait(self) -> None:
        """Wait for what still runs."""
        while self._running:
            self._finish(self._running.pop(0))

    def _reap(self) -> None:
        ended = [process for process in self._running if process.poll() is not None]
        self._running = [process for process in self._running if process not in ended]
        for process in ended:
            self._finish(process)

    def _finish(self, process: subprocess.Popen[bytes]) -> None:
        code = process.wait()
        if code:
            self._warn(f"--exec {self._command}: ended with {code}")


def _check_names(names: Iterable[str]) -> None:
    """Refuse names of triggers, which come from files, that a shell could take for a command.

    Quotes do not protect from these: the command may have some of its own around ``{name}``.
    """
    for name in names:
        if not re.fullmatch(r"[\w .,:+-]*", name):
            raise SeqtoolError(
                f"--shell: the trigger {name!r} holds characters that mean something to a shell: "
                "leave --shell away"
            )


def _filled(text: str, values: Mapping[str, str]) -> str:
    """The text with its placeholders filled in; what is filled in is not looked at again."""
    return re.sub(r"\{(time|score|name)\}", lambda found: values[found[1]], text)
