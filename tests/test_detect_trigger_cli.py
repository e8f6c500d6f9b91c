"""`seqtool detect-trigger`: events as lines, commands, the microphone, and what is no sound."""

import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from conftest import RunCli
from hypothesis import given, settings
from hypothesis import strategies as st
from trigger_sounds import Samples, make_model

from seqtool_detect_trigger import listening
from seqtool_detect_trigger.apply import gathered
from seqtool_detect_trigger.clips import RATE
from seqtool_detect_trigger.listening import TAIL, Heard, Listener, smoothed_of
from seqtool_detect_trigger.model_files import TriggerModel, load
from seqtool_detect_trigger.stream_plot import Track


def sound(seconds: float = 6.0, seed: int = 1) -> Samples:
    """Noise that comes and goes, which models of random weights have opinions about."""
    random = np.random.default_rng(seed)
    samples = random.standard_normal(round(seconds * RATE)) * 0.05
    samples *= np.repeat(random.uniform(0, 1, -(-len(samples) // 3000)), 3000)[: len(samples)] ** 3
    return samples.astype(np.float32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two models, and a sound in several forms."""
    path = tmp_path_factory.mktemp("trigger")
    samples = sound()
    threshold = {}
    for name, seed in (("a", 1), ("b", 2)):
        model = make_model(path / f"{name}.safetensors", seed, f"word {name}")
        smoothed = Listener(model).push(samples).smoothed
        threshold[name] = float(np.quantile(smoothed, 0.8))
        make_model(
            path / f"{name}.safetensors", seed, f"word {name}",
            threshold=threshold[name], refractory=0.2, delay=0.05,
        )  # fmt: skip
    soundfile.write(path / "s.wav", samples, RATE, subtype="FLOAT")
    (path / "s.f32").write_bytes(samples.astype("<f4").tobytes())
    return path


def events(text: str) -> list[list[str]]:
    """Fields of lines."""
    return [line.split("\t") for line in text.split("\n")[:-1]]


def test_events_are_lines(run_cli: RunCli, folder: Path) -> None:
    path, model = folder / "s.wav", folder / "a.safetensors"
    text = run_cli("detect-trigger", "-m", model, path)
    assert (text.code, text.err) == (0, "")
    lines = events(text.out)
    assert len(lines) >= 3
    times = [float(time) for time, _, _ in lines]
    assert times == sorted(times)
    assert min(np.diff(times)) >= 0.2 - 0.01
    assert {name for _, _, name in lines} == {"word a"}
    assert all(float(score) >= load(str(model)).rule.threshold - 1e-3 for _, score, _ in lines)
    rows = events(run_cli("detect-trigger", "-m", model, path, "--format", "tsv").out)
    assert rows[0] == ["time", "score", "name", "file"]
    assert rows[1:] == [[*line, str(path)] for line in lines]
    twice = events(run_cli("detect-trigger", "-m", model, path, path).out)
    assert twice == rows[1:] * 2
    records = run_cli("detect-trigger", "-m", model, path, "--format", "jsonl").out
    found = [json.loads(line) for line in records.split("\n")[:-1]]
    for one, (time_text, score, *names) in zip(found, rows[1:], strict=True):
        assert one["time"] == pytest.approx(float(time_text), abs=0.0051)
        assert one["score"] == pytest.approx(float(score), abs=0.00051)
        assert [one["name"], one["file"]] == names


def test_a_stream_says_the_same_as_a_file(run_cli: RunCli, folder: Path) -> None:
    models = ("-m", folder / "a.safetensors", "-m", folder / "b.safetensors")
    options = (*models, "--format", "jsonl", "--probabilities")
    wanted = run_cli("detect-trigger", *options, folder / "s.wav").out
    wave, raw = (folder / "s.wav").read_bytes(), (folder / "s.f32").read_bytes()
    piped = run_cli("detect-trigger", *options, stdin=wave)
    assert piped.code == 0
    assert piped.out.replace("stdin", str(folder / "s.wav")).count("\n") == wanted.count("\n")
    bare = [strip_file(text) for text in (wanted, piped.out)]
    raw_out = run_cli("detect-trigger", *options, "--raw", f"f32le:{RATE}", "-", stdin=raw).out
    assert bare[0] == bare[1] == strip_file(raw_out)


def strip_file(text: str) -> list[dict[str, Any]]:
    """Records without their files."""
    records = [json.loads(line) for line in text.split("\n")[:-1]]
    return [{key: x for key, x in one.items() if key != "file"} for one in records]


def test_several_models_in_the_order_of_time(run_cli: RunCli, folder: Path) -> None:
    path = folder / "s.wav"
    models = [folder / "a.safetensors", folder / "b.safetensors"]
    alone = [events(run_cli("detect-trigger", "-m", model, path).out) for model in models]
    both = events(run_cli("detect-trigger", "-m", models[0], "-m", models[1], path).out)
    assert sorted(both) == sorted(alone[0] + alone[1])
    assert all(alone)
    times = [float(time) for time, _, _ in both]
    assert times == sorted(times)


def test_probabilities_have_a_line_a_step(run_cli: RunCli, folder: Path) -> None:
    out = run_cli(
        "detect-trigger", "-m", folder / "a.safetensors", "--format", "jsonl", "--probabilities",
        folder / "s.wav",
    ).out  # fmt: skip
    records = strip_file(out)
    steps = [one for one in records if "probability" in one]
    assert len(steps) == (round((6 + TAIL) * RATE) - 400) // 160 // 4 + (
        ((round((6 + TAIL) * RATE) - 400) // 160 + 1) % 4 == 0
    )
    assert [one["time"] for one in steps[:2]] == [0.055, 0.095]
    assert all(0 <= one["probability"] <= 1 for one in steps)
    assert any("score" in one for one in records)


@pytest.fixture(scope="module")
def model(folder: Path) -> TriggerModel:
    """A model of random weights."""
    return load(str(folder / "a.safetensors"))


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 2 * RATE), max_size=30))
def test_what_is_heard_does_not_depend_on_pieces(model: TriggerModel, places: list[int]) -> None:
    samples = sound(2.0, seed=3)
    whole, cut = Listener(model), Listener(model)
    wanted = whole.push(samples)
    found = [cut.push(piece) for piece in np.split(samples, sorted(places))]
    assert [heard.first for heard in found] == np.cumsum(
        [0, *(len(heard.smoothed) for heard in found[:-1])]
    ).tolist()
    assert (np.concatenate([heard.smoothed for heard in found]) == wanted.smoothed).all()
    assert (np.concatenate([heard.probabilities for heard in found]) == wanted.probabilities).all()
    assert [event for heard in found for event in heard.events] == wanted.events
    assert cut.finish().probabilities.tolist() == whole.finish().probabilities.tolist()


def test_short_blocks_are_gathered() -> None:
    blocks = [np.full(size, size, np.float32) for size in (3, 1, 7, 12, 2, 2)]
    found = list(gathered(iter(blocks), 6))
    assert [len(block) for block in found] == [11, 12, 4]
    assert (np.concatenate(found) == np.concatenate(blocks)).all()


def test_threshold_and_refractory_time(run_cli: RunCli, folder: Path) -> None:
    command = ("detect-trigger", "-m", folder / "a.safetensors", folder / "s.wav")
    usual = events(run_cli(*command).out)
    assert run_cli(*command, "--threshold", 1).out == ""
    fewer = events(run_cli(*command, "--refractory", 3).out)
    assert fewer[0] == usual[0]
    assert 0 < len(fewer) <= 3
    assert len(usual) > len(fewer)


def test_a_command_runs_at_each_event(run_cli: RunCli, folder: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    script = f"import sys; open({str(log)!r}, 'a').write('|'.join(sys.argv[1:]) + chr(10))"
    command = ("detect-trigger", "-m", folder / "a.safetensors", folder / "s.wav", "--exec")
    words = f'"{sys.executable}" -c "{script}" {{name}} at {{time}} "{{score}} $(id)"'
    result = run_cli(*command, words)
    assert (result.code, result.err) == (0, "")
    ran = sorted(log.read_text().split("\n")[:-1])
    wanted = sorted(f"{name}|at|{t}|{score} $(id)" for t, score, name in events(result.out))
    assert ran == wanted
    log.unlink()
    assert run_cli(*command, f"echo {{name}}, $((40+2)) >> {log}", "--shell").code == 0
    assert set(log.read_text().split("\n")[:-1]) == {"word a, 42"}


def test_a_name_that_a_shell_would_run_is_refused(
    run_cli: RunCli, folder: Path, tmp_path: Path
) -> None:
    """Names come from files, and no quotes help within quotes."""
    target = tmp_path / "ran"
    make_model(tmp_path / "m.safetensors", 1, f"$(touch {target})", threshold=1e-9)
    command = ("detect-trigger", "-m", tmp_path / "m.safetensors", folder / "s.wav", "--exec")
    refused = run_cli(*command, 'echo "{name}"', "--shell")
    assert (refused.code, refused.out, refused.err.count("\n")) == (1, "", 1)
    assert "leave --shell away" in refused.err
    assert run_cli(*command, 'echo "{time}"', "--shell").code == 0
    assert run_cli(*command, 'echo "{name}"').code == 0
    assert not target.exists()


def test_commands_that_fail_are_said(run_cli: RunCli, folder: Path) -> None:
    command = ("detect-trigger", "-m", folder / "a.safetensors", folder / "s.wav", "--exec")
    result = run_cli(*command, "false")
    assert (result.code, result.err.count("--exec false: ended with 1\n")) == (
        0,
        len(events(result.out)),
    )
    assert run_cli(*command, "false", "-q").err == ""
    for words, code in (("no-such-command-at-all x", 1), ("'open", 2), ("", 2)):
        refused = run_cli(*command, words)
        assert (refused.code, refused.out, refused.err.count("\n")) == (code, "", 1)


def test_a_slow_stream_is_answered_at_once(folder: Path, seqtool_command: list[str]) -> None:
    model = load(str(folder / "a.safetensors"))
    samples = sound()
    first = Listener(model).push(samples).events[0]
    bytes_of = (np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()
    until = 2 * round((first.heard + 0.3) * RATE)
    options = ("-m", folder / "a.safetensors", "--raw", f"s16le:{RATE}", "-")
    with subprocess.Popen(
        [*seqtool_command, "detect-trigger", *map(str, options)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(bytes_of[:until])
        process.stdin.flush()
        line = process.stdout.readline().decode()  # comes while the stream is still open
        assert float(line.split("\t")[0]) == pytest.approx(first.time, abs=0.06)
        process.stdin.close()
        assert process.wait(60) == 0


class FakeMicrophone:
    """Looks like the part of sounddevice that is used; the stream ends with Ctrl-C."""

    PortAudioError = OSError

    def __init__(self, samples: Samples, lost: bool = False) -> None:
        self._samples, self._lost = samples, lost

    def InputStream(self, **options: Any) -> "FakeMicrophone":  # noqa: N802
        assert (options["samplerate"], options["channels"]) == (RATE, 1)
        return self

    def __enter__(self) -> "FakeMicrophone":
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def read(self, count: int) -> tuple[Samples, bool]:
        if len(self._samples) < count:
            raise KeyboardInterrupt
        block, self._samples = self._samples[:count], self._samples[count:]
        return block[:, np.newaxis], self._lost


def test_the_microphone(run_cli: RunCli, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = ("detect-trigger", "-m", folder / "a.safetensors")
    monkeypatch.setitem(sys.modules, "sounddevice", FakeMicrophone(sound()))
    result = run_cli(*command, "--mic")
    assert result.code == 130
    wanted = events(run_cli(*command, folder / "s.wav").out)
    assert len(wanted) - 1 <= len(events(result.out)) <= len(wanted)
    assert events(result.out) == wanted[: len(events(result.out))]
    monkeypatch.setitem(sys.modules, "sounddevice", FakeMicrophone(sound(1.0), lost=True))
    assert run_cli(*command, "--mic").err.count("some of it is lost") == 1
    assert run_cli(*command, "--mic", folder / "s.wav").code == 2
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    result = run_cli(*command, "--mic")
    assert (result.code, "pip install 'seqtool[mic]'" in result.err) == (1, True)


def wave_file(samples: np.ndarray, rate: int, subtype: str) -> bytes:
    """A WAV file."""
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format="WAV", subtype=subtype)
    return file.getvalue()


def odd_sounds() -> Iterator[Any]:
    """Sounds that are unusual, but sounds."""
    random = np.random.default_rng(1)
    noise = random.standard_normal(4000) * 0.1
    yield pytest.param(wave_file(noise[:0], RATE, "PCM_16"), id="0 samples")
    yield pytest.param(wave_file(noise[:1], RATE, "PCM_16"), id="1 sample")
    yield pytest.param(wave_file(np.zeros(16000), RATE, "PCM_16"), id="silence")
    yield pytest.param(wave_file(np.sin(np.arange(16000) / 3), RATE, "PCM_16"), id="tone")
    yield pytest.param(wave_file(noise, RATE, "PCM_U8"), id="8 bit")
    yield pytest.param(wave_file(noise, RATE, "PCM_24"), id="24 bit")
    yield pytest.param(wave_file(noise, 96000, "PCM_16"), id="96 kHz")
    yield pytest.param(wave_file(noise.reshape(-1, 5), RATE, "PCM_16"), id="5 channels")
    yield pytest.param(wave_file(noise * 1e4, RATE, "DOUBLE"), id="huge")


@pytest.mark.parametrize("content", list(odd_sounds()))
def test_odd_sounds(run_cli: RunCli, folder: Path, content: bytes) -> None:
    result = run_cli("detect-trigger", "-m", folder / "a.safetensors", stdin=content)
    assert (result.code, result.err) == (0, "")
    assert all(len(fields) == 3 for fields in events(result.out))


def damaged_sounds() -> Iterator[Any]:
    """What is no sound."""
    good = wave_file(np.zeros(4000), RATE, "PCM_16")
    yield pytest.param(b"", id="nothing")
    yield pytest.param(b"some text\n" * 100, id="text")
    yield pytest.param(good[:2000], id="truncated")
    yield pytest.param(good[:20], id="header cut")
    yield pytest.param(wave_file(np.array([0.0, np.nan, 0.0]), RATE, "FLOAT"), id="NaN")


@pytest.mark.parametrize("content", list(damaged_sounds()))
def test_what_is_no_sound_is_one_line(run_cli: RunCli, folder: Path, content: bytes) -> None:
    result = run_cli("detect-trigger", "-m", folder / "a.safetensors", stdin=content)
    assert (result.code, result.err.count("\n")) == (1, 1)
    assert result.err.startswith("seqtool detect-trigger: stdin")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ("{f}/none.wav", 1, "none.wav"),
        ("{f}/s.wav -m none", 1, "no file and no installed model 'none'"),
        ("{f}/s.wav -m {f}/s.wav", 1, "s.wav"),
        ("- -", 2, "only once"),
        ("{f}/s.wav --probabilities", 2, "--format jsonl"),
        ("{f}/s.wav --shell", 2, "--exec"),
        ("{f}/s.wav --threshold 2", 2, "2"),
        ("{f}/s.wav {f}/s.wav --plot p.png", 2, "one file"),
        ("{f}/s.wav --plot p.gif", 2, ".png"),
        ("{f}/s.wav --raw s16", 2, "--raw"),
        ("{f}/s.wav -o {f}/s.wav", 2, "cannot be written"),
    ],
)
def test_what_cannot_work(
    run_cli: RunCli, folder: Path, arguments: str, code: int, said: str
) -> None:
    words = arguments.format(f=folder).split()
    named = [] if "-m" in words else ["-m", folder / "a.safetensors"]
    result = run_cli("detect-trigger", *words, *named)
    assert (result.code, result.out, result.err.count("\n")) == (code, "", 1)
    assert said in result.err


def test_the_output_is_whole_or_not_there(run_cli: RunCli, folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "events.tsv"
    command = ("detect-trigger", "-m", folder / "a.safetensors", "-o", target)
    good = run_cli(*command, folder / "s.wav")
    assert (good.code, good.out) == (0, "")
    before = target.read_text()
    assert before == run_cli("detect-trigger", "-m", folder / "a.safetensors", folder / "s.wav").out
    assert run_cli(*command, folder / "s.wav", folder / "none.wav").code == 1
    assert target.read_text() == before
    assert os.listdir(tmp_path) == ["events.tsv"]


@pytest.mark.parametrize("ending", ["png", "svg"])
def test_a_picture(run_cli: RunCli, folder: Path, tmp_path: Path, ending: str) -> None:
    models = ("-m", folder / "a.safetensors", "-m", folder / "b.safetensors")
    written = []
    for number in range(2):
        target = tmp_path / f"{number}.{ending}"
        assert run_cli("detect-trigger", *models, folder / "s.wav", "--plot", target).code == 0
        written.append(target.read_bytes())
    assert written[0] == written[1]
    assert len(written[0]) > 5000
    if ending == "svg":
        assert b"word a" in written[0]
        assert b"word b" in written[0]


def test_what_a_picture_keeps_does_not_grow() -> None:
    random = np.random.default_rng(1)
    numbers = random.uniform(0, 1, 300_000)
    whole, cut = Track(3), Track(3)
    whole.push(numbers)
    for piece in np.array_split(numbers, 700):
        cut.push(piece)
    assert whole.span == cut.span == 12
    assert whole.values == cut.values
    groups = [numbers[start : start + 12].max() for start in range(0, len(numbers), 12)]
    assert cut.values == groups


def test_a_long_stream_is_heard_piece_by_piece(
    model: TriggerModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples = sound(3.0)
    whole = smoothed_of(model, samples)
    sizes = []
    push = Listener.push

    def counted(self: Listener, piece: Samples) -> Heard:
        sizes.append(len(piece))
        return push(self, piece)

    monkeypatch.setattr(Listener, "push", counted)
    monkeypatch.setattr(listening, "_AT_ONCE", 20_000)
    assert (smoothed_of(model, samples) == whole).all()
    assert sizes == [20_000, 20_000, 8_000]
    assert smoothed_of(model, samples[:0]).tolist() == []


def test_memory_does_not_grow_with_the_stream(model: TriggerModel) -> None:
    import tracemalloc

    listener, block = Listener(model), sound(10.0)
    listener.push(block)
    tracemalloc.start()
    sizes = []
    for _ in range(6):
        listener.push(block)
        sizes.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    assert max(sizes[1:]) - sizes[0] < 20_000


def test_help_names_its_jobs(run_cli: RunCli) -> None:
    out = run_cli("detect-trigger", "--help").out
    assert "train" in out
    assert "eval" in out
    start = time.perf_counter()
    assert run_cli("detect-trigger", "train", "--help").code == 0
    assert time.perf_counter() - start < 5
