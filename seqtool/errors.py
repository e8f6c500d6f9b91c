"""What a user is told when something fails."""


class SeqtoolError(Exception):
    """A failure the user can act on.

    The message is one line: what happened, where, what to do. The command line prints it as
    ``seqtool COMMAND: message`` and exits with ``exit_code``. For a mistake in how a command was
    called raise ``click.UsageError`` (exit code 2) instead.
    """

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class Terminated(BaseException):
    """A signal asked the process to end; raised so that clean-up code runs on the way out."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal_number)
        self.exit_code = 128 + signal_number
