"""Results appear whole or not at all, wherever they go."""

import os
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from seqtool.errors import SeqtoolError
from seqtool.output import open_binary_output, open_output


def put(path: str | Path | None, text: str) -> None:
    """Write ``text`` the way commands do."""
    with open_output(None if path is None else str(path)) as out:
        out.write(text)


@pytest.mark.parametrize("path", [None, "-"])
def test_stdout(path: str | None, capfd: pytest.CaptureFixture[str]) -> None:
    print("before")
    put(path, "ä\u2028\U0001f600\r\n")
    print("after")
    assert capfd.readouterr().out == "before\nä\u2028\U0001f600\r\nafter\n"


def test_stdout_replaced_by_something_in_memory(capsys: pytest.CaptureFixture[str]) -> None:
    put(None, "text\n")
    assert capsys.readouterr().out == "text\n"


def test_stdout_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(SeqtoolError, match="standard output is closed"):
        put(None, "text")


def test_stdout_is_utf8_in_every_locale() -> None:
    code = (
        "from seqtool.output import open_output\nwith open_output(None) as o: o.write('\\xe4\\n')"
    )
    done = subprocess.run(
        [sys.executable, "-X", "utf8=0", "-c", code],
        env={**os.environ, "LC_ALL": "C", "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=True,
    )
    assert done.stdout == "ä\n".encode()


def test_a_file_appears_when_the_block_ends(tmp_path: Path) -> None:
    target = tmp_path / "out.txt"
    with open_output(str(target)) as out:
        out.write("line\n")
        out.flush()
        assert not target.exists()
    assert target.read_bytes() == b"line\n"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_a_failure_leaves_the_old_file(tmp_path: Path, error: type[BaseException]) -> None:
    target = tmp_path / "out.txt"
    target.write_text("old")

    def fail() -> None:
        with open_output(str(target)) as out:
            out.write("new")
            raise error

    with pytest.raises(error):
        fail()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_a_new_file_respects_the_umask(tmp_path: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        put(tmp_path / "out.txt", "x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "out.txt").stat().st_mode) == mode


def test_an_existing_file_keeps_its_permissions(tmp_path: Path) -> None:
    target = tmp_path / "out.txt"
    target.write_text("old")
    target.chmod(0o606)
    put(target, "new")
    assert target.read_text() == "new"
    assert stat.S_IMODE(target.stat().st_mode) == 0o606


def test_a_file_that_may_not_be_written_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "out.txt"
    target.write_text("old")
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write anything
    with pytest.raises(PermissionError) as caught:
        put(target, "new")
    assert caught.value.filename == str(target)
    assert target.read_text() == "old"


def test_a_symbolic_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    target = tmp_path / "deep" / "real.txt"
    link = tmp_path / "link.txt"
    link.symlink_to("deep/real.txt")
    for text in ("first", "second"):  # dangling, then not
        put(link, text)
        assert link.is_symlink()
        assert target.read_text() == text
    assert list((tmp_path / "deep").iterdir()) == [target]


def test_a_loop_of_links_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(OSError, match="symbolic links"):
        put(tmp_path / "a", "x")


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SeqtoolError, match="is a folder, the output must be a file"):
        put(tmp_path, "x")


@pytest.mark.parametrize("name", ["no/such/folder.txt", "file/inside.txt", "folder/", ""])
def test_an_impossible_place_names_the_file(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("")
    path = os.path.join(tmp_path, name) if name else ""
    with pytest.raises(OSError, match=r"No such file|[Nn]ot a dir|Is a dir") as caught:
        put(path, "x")
    assert caught.value.filename == path


def test_the_longest_name_works(tmp_path: Path) -> None:
    target = tmp_path / ("n" * 255)
    put(target, "x")
    assert target.read_text() == "x"


def test_a_name_in_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    put("out.txt", "x")
    assert os.listdir(tmp_path) == ["out.txt"]


def test_bytes_of_a_file_name_come_out_as_they_were(tmp_path: Path) -> None:
    put(tmp_path / "out.txt", os.fsdecode(b"caf\xe9\n"))
    assert (tmp_path / "out.txt").read_bytes() == b"caf\xe9\n"


def test_dev_null() -> None:
    put("/dev/null", "x")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
def test_dev_stdout_appends_where_the_shell_appends(tmp_path: Path, name: str) -> None:
    target = tmp_path / "log.txt"
    target.write_text("kept\n")
    code = f"from seqtool.output import open_output\nwith open_output({name!r}) as o: o.write('x')"
    with open(target, "ab") as log:
        subprocess.run([sys.executable, "-c", code], stdout=log, check=True)
    assert target.read_text() == "kept\nx"


def test_a_pipe_with_a_name(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    received: list[str] = []
    reader = threading.Thread(target=lambda: received.append(pipe.read_text()))
    reader.start()
    put(pipe, "through\n")
    reader.join(10)
    assert received == ["through\n"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
@pytest.mark.parametrize("size", [1, 10**6])
def test_a_full_device_is_named(size: int) -> None:
    with pytest.raises(OSError, match="No space left") as caught:
        put("/dev/full", "x" * size)
    assert caught.value.filename == "/dev/full"


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_space(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    target = tmp_path / "out.txt"
    target.write_text("old")
    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(OSError, match="No space left") as caught:
        put(target, "new")
    assert caught.value.filename == str(target)
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


KILLED = """
import sys
from seqtool.output import open_output
print("ready", flush=True)
while True:
    with open_output(sys.argv[1]) as out:
        for _ in range(50):
            out.write("new line\\n" * 1000)
"""


@pytest.mark.parametrize("delay", [0.0, 0.003, 0.01, 0.02, 0.035])
def test_killed_at_any_moment(tmp_path: Path, delay: float) -> None:
    target = tmp_path / "out.txt"
    old, new = "old line\n", "new line\n" * 50_000
    target.write_text(old)
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(target)], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(delay)
        process.kill()
    assert target.read_text() in (old, new)


def test_bytes_go_the_same_ways(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    target = tmp_path / "out.bin"
    target.write_bytes(b"old")
    with open_binary_output(str(target)) as out:
        out.write(b"\xff\n\r\n\0")
        assert target.read_bytes() == b"old"
    assert target.read_bytes() == b"\xff\n\r\n\0"
    with open_binary_output(None) as out:
        out.write(b"\xff\0")
    assert capfdbinary.readouterr().out == b"\xff\0"


def test_bytes_to_a_stdout_in_memory(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    with open_binary_output("-") as out:
        out.write(b"\xff\0")
    assert capsysbinary.readouterr().out == b"\xff\0"
