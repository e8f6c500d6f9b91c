"""Reading sound: formats, pipes, rates, and everything that can be wrong with a file."""

import gzip
import io
import os
import struct
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np
import numpy.typing as npt
import pytest
import soundfile
import soxr
from click.testing import CliRunner
from hypothesis import HealthCheck, given
from hypothesis import settings as effort
from hypothesis import strategies as st

from seqtool.audio.raw import SAMPLE_BYTES, RawFormat, parse_raw, raw_option
from seqtool.audio.reading import audio_blocks, read_audio
from seqtool.errors import SeqtoolError

Singles = npt.NDArray[np.float32]
GiveStdin = Callable[[bytes], None]

FORMATS = [
    ("wav", "PCM_U8"), ("wav", "PCM_16"), ("wav", "PCM_24"), ("wav", "PCM_32"), ("wav", "FLOAT"),
    ("wav", "DOUBLE"), ("wav", "ULAW"), ("wav", "MS_ADPCM"), ("wavex", "PCM_24"),
    ("rf64", "PCM_16"), ("flac", "PCM_16"), ("ogg", "VORBIS"), ("mp3", "MPEG_LAYER_III"),
    ("aiff", "PCM_16"), ("au", "PCM_16"), ("caf", "PCM_16"),
]  # fmt: skip


def sound(count: int, channels: int = 1, seed: int = 1) -> Singles:
    """Noise, shape (count, channels)."""
    noise = np.random.default_rng(seed).normal(0, 0.1, (count, channels))
    return noise.astype(np.float32)


def write(path: Path, samples: Singles, rate: int = 8000, subtype: str = "PCM_16") -> str:
    """A sound file; the format follows from the ending."""
    soundfile.write(path, samples, rate, subtype, format=path.suffix[1:].upper())
    return str(path)


def wav(
    data: bytes, rate: int = 8000, channels: int = 1, bits: int = 16, tag: int = 1,
    size: int | None = None, whole: int | None = None, before: bytes = b"",
) -> bytes:  # fmt: skip
    """A WAV file whose header says what it is told to."""
    frame = channels * bits // 8
    head = struct.pack("<HHIIHH", tag, channels, rate, rate * frame % 2**32, frame % 2**16, bits)
    size = len(data) if size is None else size
    body = before + b"fmt " + struct.pack("<I", 16) + head + b"data" + struct.pack("<I", size)
    whole = len(body) + 4 + size if whole is None else whole
    return b"RIFF" + struct.pack("<I", min(whole, 2**32 - 1)) + b"WAVE" + body + data


@pytest.fixture
def give_stdin(monkeypatch: pytest.MonkeyPatch) -> GiveStdin:
    """``give_stdin(data)`` makes stdin a stream of these bytes that cannot be sought."""

    def give(data: bytes) -> None:
        class Pipe(io.BytesIO):
            def read1(self, size: int | None = -1, /) -> bytes:
                return super().read1(min(size or 0, 999))

            def seek(self, *_: object) -> int:
                raise OSError("a pipe")

        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(Pipe(data), encoding="utf-8"))

    return give


# --- what can be read -------------------------------------------------------------------------


@pytest.mark.parametrize(("ending", "subtype"), FORMATS)
def test_formats(ending: str, subtype: str, tmp_path: Path, give_stdin: GiveStdin) -> None:
    path = Path(write(tmp_path / f"a.{ending}", sound(20000, 2), subtype=subtype))
    wanted, _ = soundfile.read(path, dtype="float32", always_2d=True)
    found = read_audio(str(path), 8000)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, wanted.mean(axis=1), rtol=0, atol=2e-7)
    for seconds in (0.0123, 0.5):
        parts = list(audio_blocks(str(path), 8000, seconds=seconds))
        assert max(map(len, parts)) <= 8000 * seconds + 1
        assert np.array_equal(np.concatenate(parts), found)
    give_stdin(path.read_bytes())
    assert np.array_equal(read_audio("-", 8000), found)


@pytest.mark.parametrize("encoding", SAMPLE_BYTES)
def test_raw_samples(encoding: str, tmp_path: Path, give_stdin: GiveStdin) -> None:
    """The data of a WAV file of the same samples."""
    names = {"u8": "PCM_U8", "f32le": "FLOAT", "f64le": "DOUBLE"}
    subtype = names.get(encoding, f"PCM_{encoding[1:3]}")
    path = Path(write(tmp_path / "a.wav", sound(1000, 3), 16000, subtype))
    size = 3000 * SAMPLE_BYTES[encoding]
    data = path.read_bytes()
    start = data.index(b"data") + 8
    give_stdin(data[start : start + size])
    found = read_audio("-", 16000, RawFormat(encoding, 16000, 3))
    assert len(found) == 1000
    assert np.array_equal(found, read_audio(str(path), 16000))


@pytest.mark.parametrize("rate", [8000, 11025, 44100, 48000, 96000])
def test_rates(rate: int, tmp_path: Path) -> None:
    """Resampled as soxr does it in one go, whatever the blocks are."""
    path = write(tmp_path / "a.wav", sound(rate), rate, "FLOAT")
    found = read_audio(path, 16000)
    wanted = soxr.resample(sound(rate)[:, 0], rate, 16000)
    assert np.array_equal(found, wanted)
    parts = list(audio_blocks(path, 16000, seconds=0.0301))
    assert np.array_equal(np.concatenate(parts), found)


def test_five_channels_at_96_khz(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", sound(96000, 5), 96000, "PCM_24")
    assert read_audio(path, 16000).shape == (16000,)


def test_compressed_files(tmp_path: Path) -> None:
    for ending in ("wav", "flac"):
        plain = Path(write(tmp_path / f"a.{ending}", sound(3000)))
        packed = tmp_path / f"a.{ending}.gz"
        packed.write_bytes(gzip.compress(plain.read_bytes()))
        assert np.array_equal(read_audio(str(packed), 8000), read_audio(str(plain), 8000))


@pytest.mark.parametrize("count", [0, 1])
@pytest.mark.parametrize("rate", [8000, 16000])
def test_hardly_any_samples(count: int, rate: int, tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", sound(count))
    assert len(read_audio(path, rate)) == count * rate // 8000


@pytest.mark.parametrize(
    ("size", "whole"),
    [(0xFFFFFFFF, 0xFFFFFFFF), (0x7FFFF000, 0x7FFFF024), (0x80000000, 36), (0, 0)],
)
def test_wav_of_unknown_length(size: int, whole: int, give_stdin: GiveStdin) -> None:
    """As programs write it that cannot go back to the header."""
    give_stdin(wav(bytes(2000), size=size, whole=whole))
    assert len(read_audio("-", 8000)) == 1000


def test_chunks_before_the_samples(give_stdin: GiveStdin) -> None:
    note = b"LIST" + struct.pack("<I", 5) + b"INFO\0\0"
    give_stdin(wav(bytes(2000), before=note) + b"trailer")
    assert len(read_audio("-", 8000)) == 1000


def test_samples_come_while_the_pipe_is_open(tmp_path: Path) -> None:
    """A block is there as soon as its samples are, long before the end."""
    fifo = tmp_path / "pipe"
    os.mkfifo(fifo)
    go_on = threading.Event()

    def feed() -> None:
        with open(fifo, "wb", buffering=0) as pipe:
            pipe.write(wav(bytes(2000), size=0xFFFFFFFF))
            go_on.wait(10)
            pipe.write(bytes(1000))

    thread = threading.Thread(target=feed)
    thread.start()
    blocks = audio_blocks(str(fifo), 8000)
    early = 0
    while early < 1000:
        early += len(next(blocks))
    go_on.set()
    assert (early, sum(map(len, blocks))) == (1000, 500)
    thread.join()


def test_memory_does_not_grow(give_stdin: GiveStdin) -> None:
    give_stdin(wav(bytes(16 << 20), rate=48000))
    tracemalloc.start()
    try:
        count = sum(len(block) for block in audio_blocks("-", 16000))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == pytest.approx((8 << 20) / 3, abs=1)
    assert peak < 2 << 20


# --- what cannot ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "stdin: empty"),
        (b"RIFF", "stdin: no sound that can be read"),
        (b"These are not samples. " * 9, "stdin: no sound that can be read"),
        (wav(b"")[:20], "damaged WAV header: no samples"),
        (wav(b"")[:12] + wav(b"")[36:] + bytes(9), "does not say what the samples are"),
        (wav(bytes(2000), size=4000), "promises 2,000 samples, 1,000 are there"),
        (wav(bytes(2000), rate=0), "a sample rate of 0 Hz"),
        (wav(bytes(2000), rate=10**9), "a sample rate of 1000000000 Hz"),
        (wav(bytes(2000), channels=0), "0 channels"),
        (wav(bytes(2000), channels=1000), "1000 channels"),
        (wav(bytes(2000), before=b"JUNK\xff\xff\xff\xff"), "a part of 4,294,967,295 bytes"),
        (wav(bytes(2000), tag=0x1234), "no sound that can be read"),
        (wav(struct.pack("<3f", 0, 1e30, 0), bits=32, tag=3), r"at 0.000 s a sample is 1e\+30"),
        (wav(struct.pack("<d", -1e300), bits=64, tag=3), "a sample is -inf"),
    ],
)
def test_damaged(data: bytes, message: str, give_stdin: GiveStdin) -> None:
    give_stdin(data)
    with pytest.raises(SeqtoolError, match=message) as error:
        read_audio("-", 16000)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("ending", ["wav", "caf"])
def test_a_sample_that_is_no_number(value: float, ending: str, tmp_path: Path) -> None:
    samples = sound(20000, 2)
    samples[12000, 1] = value
    path = write(tmp_path / f"a.{ending}", samples, subtype="FLOAT")
    with pytest.raises(SeqtoolError, match=rf"a.{ending}: at 1.500 s a sample is {value:g}: no"):
        read_audio(path, 16000)


@pytest.mark.parametrize("share", [0.5, 0.99])
@pytest.mark.parametrize("ending", ["wav", "flac"])
def test_a_truncated_file(share: float, ending: str, tmp_path: Path) -> None:
    path = Path(write(tmp_path / f"a.{ending}", sound(20000)))
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(SeqtoolError, match=f"a.{ending}: truncated"):
        read_audio(str(path), 16000)


def test_flac_of_unknown_length(tmp_path: Path) -> None:
    path = Path(write(tmp_path / "a.flac", sound(20000)))
    data = bytearray(path.read_bytes())
    data[21] &= 0xF0  # the number of samples has 36 bits
    data[22:26] = bytes(4)
    path.write_bytes(data)
    assert len(read_audio(str(path), 8000)) == 20000


def test_raw_samples_that_end_too_early(give_stdin: GiveStdin) -> None:
    give_stdin(bytes(1001))
    with pytest.raises(SeqtoolError, match="ends within a sample: are the samples s16le, 1"):
        read_audio("-", 16000, RawFormat("s16le", 16000))


def test_a_damaged_compressed_file(tmp_path: Path) -> None:
    path = tmp_path / "a.wav.gz"
    path.write_bytes(gzip.compress(wav(bytes(50000)))[:-20])
    with pytest.raises(SeqtoolError, match=r"a\.wav\.gz: cannot be read"):
        read_audio(str(path), 16000)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(SeqtoolError, match="nothing: no such file"):
        read_audio(str(tmp_path / "nothing"), 16000)
    with pytest.raises(SeqtoolError, match="is a folder"):
        read_audio(str(tmp_path), 16000)


def test_longer_than_memory(monkeypatch: pytest.MonkeyPatch, give_stdin: GiveStdin) -> None:
    monkeypatch.setattr("seqtool.audio.reading.LONGEST_HOURS", 1 / 3600)
    give_stdin(wav(bytes(50000)))
    with pytest.raises(SeqtoolError, match="longer than"):
        read_audio("-", 8000)


def test_too_much_to_spool(
    monkeypatch: pytest.MonkeyPatch, give_stdin: GiveStdin, tmp_path: Path
) -> None:
    monkeypatch.setattr("seqtool.audio.reading._SPOOLED_BYTES", 10000)
    give_stdin(Path(write(tmp_path / "a.flac", sound(20000))).read_bytes())
    with pytest.raises(SeqtoolError, match="stdin: over 2 GiB from a pipe"):
        read_audio("-", 8000)


@given(
    st.sampled_from(["wav", "flac", "ogg", "aiff", "caf"]),
    st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), min_size=1, max_size=6),
    st.booleans(),
)
@effort(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_damage_is_one_line_or_some_sound(
    tmp_path: Path, ending: str, damage: list[tuple[float, int]], early: bool
) -> None:
    path = tmp_path / f"a.{ending}"
    write(path, sound(500), subtype="VORBIS" if ending == "ogg" else "PCM_16")
    data = bytearray(path.read_bytes())
    for place, value in damage:
        data[int(place * min(len(data), 100 if early else len(data)))] = value
    path.write_bytes(data)
    message = ""
    samples = sound(0)
    try:
        samples = read_audio(str(path), 8000)
    except SeqtoolError as error:
        message = str(error)
    assert "\n" not in message
    assert np.isfinite(samples).all()


# --- --raw ------------------------------------------------------------------------------------


def test_parse_raw() -> None:
    assert parse_raw("s16le:16000") == RawFormat("s16le", 16000, 1)
    assert parse_raw(" F32LE:48000:2 ") == RawFormat("f32le", 48000, 2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("s16le", "write encoding:rate"),
        ("mp3:16000", "'mp3' is no encoding: there are u8, s16le"),
        ("s16le:ten", "write encoding:rate"),
        ("s16le:16000:1:1", "write encoding:rate"),
        ("s16le:0", "a rate of 0 Hz"),
        ("s16le:16000:0", "0 channels"),
        ("s16le:16000:1000", "1000 channels"),
    ],
)
def test_raw_formats_that_are_none(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_raw(text)


def test_the_option() -> None:
    @click.command()
    @raw_option
    def command(raw: RawFormat | None) -> None:
        click.echo(repr(raw))

    run = CliRunner().invoke
    assert run(command, []).output == "None\n"
    assert "rate=8000, channels=2" in run(command, ["--raw", "u8:8000:2"]).output
    wrong = run(command, ["--raw", "u8"])
    assert wrong.exit_code == 2
    assert "Invalid value for '--raw'" in wrong.output


def test_the_option_imports_nothing_heavy() -> None:
    code = "import sys, seqtool.audio.raw; print('numpy' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout == "False\n"


# --- real recordings --------------------------------------------------------------------------


@pytest.mark.real
def test_real_recordings(data: Path) -> None:
    paths = sorted((data / "speech" / "digits").glob("*_theo_1*.flac"))[:40]
    assert paths
    for path in paths:
        samples, rate = soundfile.read(path, dtype="float32")
        assert np.array_equal(read_audio(str(path), 16000), soxr.resample(samples, rate, 16000))
