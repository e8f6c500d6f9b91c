"""Where results go: stdout, or a file that is complete or not there at all."""

import errno
import os
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import IO, Any, BinaryIO, TextIO

from seqtool.errors import SeqtoolError

Wrap = Callable[[int], IO[Any]]

BUFFER = 1 << 16  # bytes; a write call a line would dominate the run time of cheap commands

# Errors of writing that carry no file name of their own.
_WRITE_ERRORS = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF))


@contextmanager
def open_output(path: str | None) -> Iterator[TextIO]:
    r"""Open ``path`` for writing text: UTF-8, lines end in "\n".

    None and "-" mean stdout. A file is written under another name in the same folder and renamed
    when the block ends, so a kill at any moment leaves the old file or the new one; an exception
    leaves the old one. Devices and pipes are written directly. A symbolic link stays a link: the
    file it points to is replaced. Bytes of file names that are not UTF-8 come out as they were.

    Raises SeqtoolError when ``path`` is a folder, OSError (with the file's name) when it cannot
    be written.
    """
    with _open(path, _text) as file:
        yield file


@contextmanager
def open_binary_output(path: str | None) -> Iterator[BinaryIO]:
    """Open ``path`` for writing bytes; everything else is as for ``open_output``."""
    with _open(path, _binary) as file:
        yield file


def _open(path: str | None, wrap: Wrap) -> AbstractContextManager[Any]:
    """Open ``path`` the way its kind needs; ``wrap`` makes a file object of a descriptor."""
    if path is None or path == "-":
        return _open_descriptor(1, "standard output", wrap)
    if (descriptor := _descriptor(path)) is not None:
        return _open_descriptor(descriptor, path, wrap)
    if _is_special(path):
        return _open_directly(path, wrap)
    return _open_atomically(path, wrap)


def _descriptor(path: str) -> int | None:
    """Return N when ``path`` is another name for our open file N.

    Opening such a path again would start at the beginning of a file that the shell opened with
    ``>>``, and renaming over it would take it from under the shell.
    """
    names = {"/dev/stdin": 0, "/dev/stdout": 1, "/dev/stderr": 2}
    if path in names:
        return names[path]
    folder, _, number = path.rpartition("/")
    if folder in ("/dev/fd", "/proc/self/fd", f"/proc/{os.getpid()}/fd") and number.isdecimal():
        return int(number)
    return None


def _is_special(path: str) -> bool:
    """Return whether ``path`` is a device, pipe or socket; folders are refused."""
    try:
        mode = os.stat(path).st_mode
    except OSError:  # not there yet, or the open will say what is wrong
        return False
    if stat.S_ISDIR(mode):
        raise SeqtoolError(f"{path}: is a folder, the output must be a file")
    return not stat.S_ISREG(mode)


@contextmanager
def _open_descriptor(descriptor: int, name: str, wrap: Wrap) -> Iterator[IO[Any]]:
    if descriptor == 1:
        if sys.stdout is None:
            raise SeqtoolError("standard output is closed")
        with _name_errors(name):
            sys.stdout.flush()
        try:
            descriptor = sys.stdout.fileno()
        except (OSError, ValueError, AttributeError):  # replaced by something in memory
            yield sys.stdout if wrap is _text else sys.stdout.buffer
            return
    with _name_errors(name):
        copy = os.dup(descriptor)
    with _closing(wrap(copy), name) as file:
        yield file


@contextmanager
def _open_directly(path: str, wrap: Wrap) -> Iterator[IO[Any]]:
    # No O_CREAT: should the pipe vanish meanwhile, a file in its place helps nobody.
    with _closing(wrap(os.open(path, os.O_WRONLY | os.O_CLOEXEC)), path) as file:
        yield file


@contextmanager
def _open_atomically(path: str, wrap: Wrap) -> Iterator[IO[Any]]:
    if not os.path.basename(path):  # realpath would make a file name of it
        number = errno.EISDIR if path else errno.ENOENT
        raise OSError(number, os.strerror(number), path)
    target = os.path.realpath(path)
    folder = os.path.dirname(target)
    mode = _mode_of_existing(target, path)
    # The name of the target is not part of the name: it may be as long as names can be.
    temporary = os.path.join(folder, f".seqtool-{os.getpid()}-{os.urandom(4).hex()}.tmp")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    except OSError as error:
        error.filename = path
        raise
    try:
        with _closing(wrap(descriptor), path) as file:
            if mode is not None:
                os.fchmod(descriptor, mode)
            yield file
            file.flush()
            os.fsync(descriptor)
        try:
            os.replace(temporary, target)
        except OSError as error:
            raise OSError(error.errno, error.strerror, path) from error
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
    _sync_folder(folder)


def _mode_of_existing(target: str, path: str) -> int | None:
    """Return the permissions to keep; None for a new file, which gets those of the umask."""
    try:
        mode = os.stat(target).st_mode
    except FileNotFoundError:
        return None
    if not os.access(target, os.W_OK):  # a rename would not ask
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
    return stat.S_IMODE(mode) & 0o777


def _text(descriptor: int) -> TextIO:
    return open(
        descriptor, "w", buffering=BUFFER, encoding="utf-8", errors="surrogateescape", newline="\n"
    )


def _binary(descriptor: int) -> BinaryIO:
    return open(descriptor, "wb", buffering=BUFFER)


@contextmanager
def _closing(file: IO[Any], name: str) -> Iterator[IO[Any]]:
    """Close ``file`` at the end; give write errors its name; never leave data for a destructor."""
    try:
        with _name_errors(name):
            yield file
            file.close()
    except BaseException:
        # What is still in the buffer gets a last chance; when it cannot be written either, the
        # first error is the one to report. A closed file stays closed.
        with suppress(OSError):
            file.close()
        raise


@contextmanager
def _name_errors(name: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno in _WRITE_ERRORS:
            error.filename = name
        raise


def _sync_folder(folder: str) -> None:
    """Make the rename itself durable, where the system can."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
