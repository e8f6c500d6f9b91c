"""Reading text: compressed or not, whole or in pieces, damaged or good."""

import bz2
import gzip
import io
import lzma
import os
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seqtool import text
from seqtool.errors import SeqtoolError
from seqtool.text import aligned_blocks, explain_bad_bytes, open_bytes, read_blocks

zstandard = pytest.importorskip("zstandard")

COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".xz": lzma.compress,
    ".bz2": bz2.compress,
    ".zst": zstandard.compress,
}
every_ending = pytest.mark.parametrize("ending", COMPRESS)
every_compression = pytest.mark.parametrize("ending", [e for e in COMPRESS if e])


def whole(path: Path | str, errors: str = "strict") -> bytes:
    """All that is read."""
    return b"".join(read_blocks(str(path), errors))


def failure(path: Path | str, errors: str = "strict") -> str:
    """The message that reading ends with."""
    with pytest.raises(SeqtoolError) as caught:
        whole(path, errors)
    message = str(caught.value)
    assert "\n" not in message
    return message


def noise(size: int) -> bytes:
    """Lines that compress badly, so that a cut goes through the data."""
    rng = random.Random(size)
    return b"".join(rng.randbytes(30).hex().encode() + b"\n" for _ in range(size // 61))


@pytest.fixture
def stdin(monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], None]:
    """``stdin(data)`` makes the data what is read from ``-``."""

    def put(data: bytes) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data), encoding="utf-8"))

    return put


# --- one file ---------------------------------------------------------------------------------


@every_ending
@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", b""),
        (b"\n", b"\n"),
        (b"a", b"a\n"),
        (b"a\nb", b"a\nb\n"),
        (b"a\r\nb\r\n", b"a\r\nb\r\n"),
        (b"a\rb\x0bc\x0cd\x1ce\n", b"a\rb\x0bc\x0cd\x1ce\n"),
        ("a\u2028b\u2029c\x85d\n".encode(), "a\u2028b\u2029c\x85d\n".encode()),
        (b"a\0b\0\n\0", b"a\0b\0\n\0\n"),
        (b"\xef\xbb\xbfa\n", b"\xef\xbb\xbfa\n"),
    ],
)
def test_content(tmp_path: Path, ending: str, content: bytes, expected: bytes) -> None:
    path = tmp_path / f"text{ending}"
    path.write_bytes(COMPRESS[ending](content))
    assert whole(path) == expected


@every_ending
def test_long_content_comes_in_whole_lines(tmp_path: Path, ending: str) -> None:
    content = noise(1_000_000) + b"x" * 600_000 + b"\n" + noise(1000)
    path = tmp_path / f"text{ending}"
    path.write_bytes(COMPRESS[ending](content))
    blocks = list(read_blocks(str(path)))
    assert b"".join(blocks) == content
    assert len(blocks) > 3
    assert all(block.endswith(b"\n") for block in blocks)


@every_compression
def test_several_compressed_files_in_one(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"text{ending}"
    path.write_bytes(COMPRESS[ending](b"a\nb") + COMPRESS[ending](b"c\nd\n"))
    assert whole(path) == b"a\nbc\nd\n"


def test_stdin(stdin: Callable[[bytes], None]) -> None:
    stdin(b"a\nb")
    assert whole("-") == b"a\nb\n"
    assert text.display_name("-") == "stdin"
    assert text.display_name("a/b.txt") == "a/b.txt"


def test_stdin_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    assert failure("-") == "stdin is closed: name a file instead"


def test_what_is_no_file(tmp_path: Path) -> None:
    assert failure(tmp_path) == f"{tmp_path} is a folder: name a file in it"
    assert failure(tmp_path / "no") == f"{tmp_path / 'no'}: no such file"
    (tmp_path / "file").write_text("x")
    inside = tmp_path / "file" / "x"
    assert failure(inside) == f"{inside}: cannot be read: Not a directory"


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("x\n")
    path.chmod(0)
    assert failure(path) == f"{path}: cannot be read: Permission denied"


@every_compression
@pytest.mark.parametrize("content", [b"plain text\n" * 100, b"\0", b"x"])
def test_what_is_not_compressed(tmp_path: Path, ending: str, content: bytes) -> None:
    path = tmp_path / f"text{ending}"
    path.write_bytes(content)
    message = failure(path)
    assert message.startswith(f"{path}: ")
    assert "cannot be read" in message or "damaged compressed data" in message


@every_compression
@pytest.mark.parametrize("size", [10_000, 1_000_000])
def test_a_truncated_file(tmp_path: Path, ending: str, size: int) -> None:
    data = COMPRESS[ending](noise(size))
    path = tmp_path / f"text{ending}"
    for cut in (len(data) // 2, len(data) - 3, 5):
        path.write_bytes(data[:cut])
        assert failure(path).startswith(f"{path}: ")


@pytest.mark.parametrize("ending", [".gz", ".xz", ".bz2"])
def test_a_damaged_file(tmp_path: Path, ending: str) -> None:
    data = bytearray(COMPRESS[ending](noise(1_000_000)))
    data[len(data) // 2] ^= 0x55
    path = tmp_path / f"text{ending}"
    path.write_bytes(data)
    assert failure(path).startswith(f"{path}: ")


def test_without_the_library_for_zst(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "text.zst"
    path.write_bytes(zstandard.compress(b"a\n"))
    monkeypatch.setitem(sys.modules, "zstandard", None)
    assert failure(path) == f"{path}: reading .zst needs a library: pip install 'seqtool[zstd]'"


def test_a_line_that_is_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "LONGEST_LINE_BYTES", 3 << 20)
    path = tmp_path / "text"
    path.write_bytes(b"a\nb\n" + b"c" * (5 << 20))
    assert failure(path) == f"{path}:3: a line of over 3 MiB: is this a text file?"
    path.write_bytes(b"a\nb\n" + b"c" * (2 << 20))
    assert len(whole(path)) == (2 << 20) + 5


# --- bytes that are not UTF-8 -----------------------------------------------------------------


def test_replaced_bytes(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_bytes(b"a\xffb\n\xc3\n\xe2\x82\nok \xed\xa0\x80\nend\xf0\x9f")
    expected = path.read_bytes().decode("utf-8", "replace") + "\n"
    assert whole(path, "replace").decode() == expected
    assert whole(path) == path.read_bytes() + b"\n"


def test_bytes_are_replaced_the_same_in_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text, "BLOCK_BYTES", 7)
    path = tmp_path / "text"
    path.write_bytes("häß\n€uro\n".encode() + b"\xe2\x82\n" + "日本語日本語\n".encode())
    assert whole(path, "replace").decode() == path.read_bytes().decode("utf-8", "replace")


@pytest.mark.parametrize(
    ("data", "line", "byte"),
    [
        (b"\xff\n", 1, "ff"),
        (b"a\nb\n\xc3(\n", 3, "c3"),
        (b"a\n\n\nb\xe2\x82\n", 4, "e2"),
        (b"a\nb\n\xed\xa0\x80\n\xff\n", 3, "ed"),
    ],
)
def test_bad_bytes_are_named(data: bytes, line: int, byte: str) -> None:
    for before in (0, 100):
        with pytest.raises(SeqtoolError) as caught:
            explain_bad_bytes(data, "dir/x.txt", before)
        assert str(caught.value) == (
            f"dir/x.txt:{line + before}: not UTF-8 (byte 0x{byte}): "
            "convert the file, or use --errors replace"
        )


def test_good_bytes_are_not_named() -> None:
    explain_bad_bytes("häß\n\0\U0010ffff\n".encode(), "x", 0)


# --- slow sources -----------------------------------------------------------------------------


def test_a_slow_pipe_comes_line_by_line() -> None:
    reader, writer = os.pipe()
    wanted = threading.Semaphore(0)

    def write() -> None:
        with os.fdopen(writer, "wb", buffering=0) as file:
            for piece in (b"one\ntw", b"o\n", b"three\nfo", b"ur"):
                wanted.acquire()
                file.write(piece)

    thread = threading.Thread(target=write)
    thread.start()
    blocks = read_blocks(f"/dev/fd/{reader}")
    for expected, pieces in ((b"one\n", 1), (b"two\n", 1), (b"three\n", 1), (b"four\n", 1)):
        for _ in range(pieces):
            wanted.release()
        assert next(blocks) == expected
    assert next(blocks, None) is None
    thread.join()
    os.close(reader)


def test_a_named_pipe_is_opened_once(tmp_path: Path) -> None:
    """Opened and closed to see whether it is there, it would lose its writer."""
    pipe, plain = tmp_path / "pipe", tmp_path / "plain"
    plain.write_bytes(b"a\nb\n")
    os.mkfifo(pipe)
    broken: list[OSError] = []

    def write() -> None:
        try:
            with open(pipe, "wb", buffering=0) as file:
                time.sleep(0.05)  # longer than it takes to open and close
                file.write(b"c\n")
                file.write(b"d\n")
        except OSError as error:
            broken.append(error)

    opened: list[str] = []
    original = text.open_bytes

    def count(path: str) -> object:
        opened.append(path)
        return original(path)

    thread = threading.Thread(target=write)
    thread.start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text, "open_bytes", count)
        blocks = list(aligned_blocks([str(plain), str(pipe)]))
    thread.join(5)
    assert [b"".join(parts) for parts in zip(*blocks, strict=True)] == [b"a\nb\n", b"c\nd\n"]
    assert not broken
    assert opened.count(str(pipe)) == 1


# --- several files ----------------------------------------------------------------------------


def aligned(*paths: Path | str) -> list[list[bytes]]:
    """All blocks of files side by side."""
    return list(aligned_blocks([str(path) for path in paths]))


line_lists = st.lists(st.binary(max_size=12).map(lambda b: b.replace(b"\n", b"")), max_size=12)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data(), lines=line_lists, size=st.integers(1, 40))
def test_aligned_blocks(tmp_path: Path, data: st.DataObject, lines: list[bytes], size: int) -> None:
    files = [
        [data.draw(st.binary(max_size=12)).replace(b"\n", b"") for _ in lines] for _ in range(2)
    ]
    contents = [b"".join(line + b"\n" for line in file) for file in (lines, *files)]
    paths = [tmp_path / str(number) for number in range(3)]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text, "_chunks", chunks_of(data.draw(st.integers(1, size)), size))
        blocks = aligned(*paths)
    assert [b"".join(parts) for parts in zip(*blocks, strict=True)] == (contents if lines else [])
    for block in blocks:
        assert len({part.count(b"\n") for part in block}) == 1
        assert all(part.endswith(b"\n") for part in block)


def chunks_of(*sizes: int) -> Callable[..., Iterator[bytes]]:
    """What reads files in pieces of changing sizes."""

    def chunks(file: io.BufferedReader, name: str) -> Iterator[bytes]:
        while chunk := file.read(sizes[file.tell() % len(sizes)]):
            yield chunk

    return chunks


def test_aligned_files_and_stdin(tmp_path: Path, stdin: Callable[[bytes], None]) -> None:
    (tmp_path / "a").write_bytes(b"1\n2\n3")
    stdin(b"x\ny\nz\n")
    blocks = aligned(tmp_path / "a", "-")
    assert [b"".join(parts) for parts in zip(*blocks, strict=True)] == [
        b"1\n2\n3\n",
        b"x\ny\nz\n",
    ]


def test_no_lines_at_all(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    assert aligned(tmp_path / "a", tmp_path / "a") == []


@pytest.mark.parametrize(
    ("counts", "named"),
    [
        ((2, 3), ("0 has 2 lines", "1 has 3")),
        ((3, 2), ("0 has 3 lines", "1 has 2")),
        ((0, 1), ("0 has 0 lines", "1 has 1")),
        ((3, 0), ("0 has 3 lines", "1 has 0")),
        ((4, 4, 5), ("0 has 4 lines", "2 has 5")),
        ((4, 3, 4), ("0 has 4 lines", "1 has 3")),
        ((30_000, 45_000), ("0 has 30,000 lines", "1 has 45,000")),
        ((45_000, 44_999), ("0 has 45,000 lines", "1 has 44,999")),
    ],
)
def test_line_counts_that_differ(
    tmp_path: Path, counts: tuple[int, ...], named: tuple[str, str]
) -> None:
    paths = []
    for number, count in enumerate(counts):
        paths.append(tmp_path / str(number))
        paths[-1].write_bytes(b"some words in a line\n" * count)
    with pytest.raises(SeqtoolError) as caught:
        aligned(*paths)
    first, second = (f"{tmp_path}/{part}" for part in named)
    assert str(caught.value) == f"{first}, {second}: the files must match line by line"


def test_a_missing_file_is_told_first(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1\n")
    blocks = aligned_blocks([str(tmp_path / "a"), str(tmp_path / "b")])
    with pytest.raises(SeqtoolError, match="b: no such file"):
        next(blocks)


def test_files_are_closed(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1\n")
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    aligned(tmp_path / "a", tmp_path / "a")
    open_bytes(str(tmp_path / "a")).close()
    if before:
        assert len(os.listdir("/proc/self/fd")) == before
