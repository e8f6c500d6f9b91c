"""What people feed to the commands that hear: every sound is heard, all else is one clear line."""

import json
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import RunCli
from sound_files import NO_SOUNDS, SOUNDS, endless_wav, noise, speech_model, tone
from trigger_sounds import make_model

from seqtool_transcribe.front_end import STEADY

COMMANDS = ("detect-trigger", "transcribe")
every_command = pytest.mark.parametrize("command", COMMANDS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with models that the files of the tests are written into."""
    made = tmp_path_factory.mktemp("sounds")
    make_model(made / "detect-trigger.safetensors")
    make_model(made / "always.safetensors", threshold=1e-9)
    make_model(made / "never.safetensors", threshold=1.0)
    speech_model(made / "transcribe.safetensors")
    for name, write in {**SOUNDS, **NO_SOUNDS}.items():
        write(made / name)
    return made


@pytest.fixture(autouse=True)
def _in_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)


@pytest.fixture(autouse=True)
def _no_tone_is_steady(monkeypatch: pytest.MonkeyPatch) -> None:
    """A recogniser does not look at tones, which most sounds here are."""
    monkeypatch.setattr("seqtool_transcribe.front_end.STEADY", 0.0)


def model_of(command: str) -> tuple[str, str]:
    """Option and name of the command's model."""
    return "-m", f"{command}.safetensors"


@pytest.mark.parametrize("name", SOUNDS)
def test_every_sound_is_listened_to(run_cli: RunCli, name: str) -> None:
    seconds = soundfile.info(name).duration
    for model, most in (("never", 0), ("always", 1), ("detect-trigger", 5)):
        result = run_cli("detect-trigger", "-m", f"{model}.safetensors", name)
        assert (result.code, result.err) == (0, "")
        lines = result.out.split("\n")[:-1]
        assert len(lines) <= most
        for line in lines:
            time, score, word = line.split("\t")
            assert 0 <= float(time) <= seconds + 0.5
            assert 0 <= float(score) <= 1
            assert word == "word"


@pytest.mark.parametrize("name", SOUNDS)
def test_every_probability_is_a_number(run_cli: RunCli, name: str) -> None:
    options = ["--format", "jsonl", "--probabilities"]
    result = run_cli("detect-trigger", *model_of("detect-trigger"), *options, name)
    assert (result.code, result.err) == (0, "")
    steps = [json.loads(line) for line in result.out.split("\n")[:-1]]
    steps = [step for step in steps if "probability" in step]
    assert steps  # at least those of the silence behind it
    assert all(0 <= step["probability"] <= 1 for step in steps)
    times = [step["time"] for step in steps]
    assert times == sorted(times)


@pytest.mark.parametrize("name", SOUNDS)
def test_every_sound_is_written_down(run_cli: RunCli, name: str) -> None:
    result = run_cli("transcribe", *model_of("transcribe"), name)
    assert (result.code, result.err) == (0, "")
    assert result.out.count("\n") == 1
    assert set(result.out) <= set("abcdef \n")


def test_the_recogniser_of_these_tests_writes_something(run_cli: RunCli) -> None:
    assert run_cli("transcribe", *model_of("transcribe"), "tone.wav").out.strip()


@pytest.mark.parametrize("name", ["low.wav", "tone.wav", "high.wav", "constant.wav"])
def test_a_steady_tone_says_nothing(
    run_cli: RunCli, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seqtool_transcribe.front_end.STEADY", STEADY)
    assert run_cli("transcribe", *model_of("transcribe"), name) == (0, "\n", "")


@pytest.mark.parametrize("format", ["json", "jsonl"])
@pytest.mark.parametrize("name", SOUNDS)
def test_json_of_every_sound_is_json(run_cli: RunCli, format: str, name: str) -> None:
    def no_number(text: str) -> None:
        raise ValueError(text)

    result = run_cli("transcribe", *model_of("transcribe"), "--format", format, name)
    assert (result.code, result.err) == (0, "")
    found = json.loads(result.out, parse_constant=no_number)
    piece = found[0] if format == "json" else found
    assert piece["file"] == name
    assert 0 <= piece["start"] <= piece["end"] <= soundfile.info(name).duration + 0.1
    for word in piece["words"]:
        assert piece["start"] <= word["start"] <= word["end"] <= piece["end"] + 0.1
        assert 0 <= word["confidence"] <= 1


@pytest.mark.parametrize(
    ("format", "empty"),
    [("srt", ""), ("vtt", "WEBVTT\n\n"), ("ctm", ""), ("json", None), ("tsv", None)],
)
@pytest.mark.parametrize("name", ["silence.wav", "no-samples.wav"])
def test_silence_in_every_format(
    run_cli: RunCli, format: str, empty: str | None, name: str
) -> None:
    result = run_cli("transcribe", *model_of("transcribe"), "--format", format, name)
    assert (result.code, result.err) == (0, "")
    assert empty is None or result.out == empty
    assert "nan" not in result.out


@every_command
def test_a_tab_in_the_name_of_a_file_is_no_column(run_cli: RunCli, command: str) -> None:
    model = "always" if command == "detect-trigger" else command
    result = run_cli(
        command, "-m", f"{model}.safetensors", "--format", "tsv", "tone.wav", "Füße und\ttab.wav"
    )
    assert (result.code, result.err) == (0, "")
    rows = result.out.split("\n")[:-1]
    assert len(rows) >= 2
    assert {row.count("\t") for row in rows} == {3}


@pytest.mark.parametrize("name", ["silence.wav", "no-samples.wav", "denormal.wav"])
def test_where_nothing_is_to_be_heard_nothing_is_written(run_cli: RunCli, name: str) -> None:
    assert run_cli("transcribe", *model_of("transcribe"), name) == (0, "\n", "")


@every_command
@pytest.mark.parametrize("name", NO_SOUNDS)
def test_what_is_no_sound_is_one_line(run_cli: RunCli, command: str, name: str) -> None:
    model = "never" if command == "detect-trigger" else command  # it hears nothing before the end
    result = run_cli(command, "-m", f"{model}.safetensors", name)
    assert (result.code, result.out) == (1, "")
    assert result.err.count("\n") == 1
    assert result.err.startswith(f"seqtool {command}: {name}")
    assert "--debug" not in result.err


@every_command
@pytest.mark.parametrize("name", SOUNDS)
def test_stdin_is_a_file_too(run_cli: RunCli, command: str, name: str, folder: Path) -> None:
    named = run_cli(command, *model_of(command), name)
    piped = run_cli(command, *model_of(command), "-", stdin=(folder / name).read_bytes())
    assert (piped.code, piped.err) == (0, "")
    assert piped.out == named.out


@every_command
def test_stdin_without_a_byte_is_one_line(run_cli: RunCli, command: str) -> None:
    result = run_cli(command, *model_of(command))
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith(f"seqtool {command}: ")
    assert result.err.count("\n") == 1


def test_raw_samples_without_a_byte_are_silence(run_cli: RunCli) -> None:
    model = model_of("detect-trigger")
    assert run_cli("detect-trigger", *model, "--raw", "s16le:16000").code == 0
    odd = run_cli("detect-trigger", *model, "--raw", "s16le:16000", stdin=b"abc")
    assert (odd.code, odd.err.count("\n")) == (1, 1)
    assert "ends within a sample" in odd.err


@every_command
def test_one_bad_file_of_several(run_cli: RunCli, command: str, tmp_path: Path) -> None:
    """It ends the work; what -o names, which is whole or not at all, is not there."""
    result = run_cli(command, *model_of(command), "tone.wav", "nan.wav", "low.wav")
    assert result.code == 1
    assert result.err.startswith(f"seqtool {command}: nan.wav: ")
    assert result.err.count("\n") == 1
    kept = tmp_path / "result.txt"
    result = run_cli(command, *model_of(command), "-o", kept, "tone.wav", "nan.wav")
    assert (result.code, result.out) == (1, "")
    assert list(tmp_path.iterdir()) == []


@every_command
@pytest.mark.parametrize("name", ["tone.wav", "text.wav", "missing.safetensors"])
def test_what_is_no_model_is_one_line(run_cli: RunCli, command: str, name: str) -> None:
    result = run_cli(command, "-m", name, "tone.wav")
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith(f"seqtool {command}: ")
    assert result.err.count("\n") == 1


@every_command
def test_the_model_of_the_other_command_is_one_line(run_cli: RunCli, command: str) -> None:
    other = COMMANDS[1 - COMMANDS.index(command)]
    result = run_cli(command, *model_of(other), "tone.wav")
    assert (result.code, result.out) == (1, "")
    assert f"{other}.safetensors: holds '" in result.err
    assert result.err.count("\n") == 1


@every_command
def test_damaged_files_never_crash(run_cli: RunCli, command: str, tmp_path: Path) -> None:
    """Bytes of good files are changed, cut out and put in, mostly where the headers are."""
    random = np.random.default_rng(3)
    target = tmp_path / "damaged"
    for name in ("tone.wav", "24-bit.flac", "tone.ogg", "tone.aiff", "adpcm.wav", "tone.w64"):
        whole = Path(name).read_bytes()
        for _ in range(8):
            data = bytearray(whole)
            for _ in range(random.integers(1, 4)):
                at = int(random.integers(min(len(data), 120)))
                some = random.integers(0, 256, random.integers(1, 5), np.uint8).tobytes()
                data[at : at + int(random.integers(5))] = some
            target.write_bytes(bytes(data))
            result = run_cli(command, *model_of(command), target)
            assert result.code in (0, 1)
            assert result.err.count("\n") == result.code, result.err
            assert "--debug" not in result.err


# --- streams -----------------------------------------------------------------------------------


@contextmanager
def listening(
    seqtool_command: list[str], command: str, *options: str
) -> Iterator["subprocess.Popen[bytes]"]:
    """A process that is in the middle of a stream of sound: it took more than a pipe holds."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"}
    for number in (signal.SIGINT, signal.SIGTERM):  # a child inherits that they are ignored
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    words = [*seqtool_command, command, *model_of(command), *options, "-"]
    pipe = subprocess.PIPE
    with subprocess.Popen(words, stdin=pipe, stdout=pipe, stderr=pipe, env=environment) as process:
        watchdog = threading.Timer(90, process.kill)  # rather a failure than no end
        watchdog.start()
        try:
            assert process.stdin
            sound = np.concatenate([tone(300, 1.0), noise(1.0)] * 4)
            process.stdin.write(endless_wav(sound))
            process.stdin.flush()
            yield process
        finally:
            watchdog.cancel()
            process.kill()


@every_command
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["ctrl-c", "term"]
)
def test_a_stream_can_be_stopped(
    seqtool_command: list[str],
    command: str,
    number: signal.Signals,
    code: int,
    tmp_path: Path,
) -> None:
    with listening(seqtool_command, command, "-o", str(tmp_path / "result")) as process:
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    message = f"seqtool {command}: interrupted\n" if number == signal.SIGINT else ""
    assert (process.returncode, out, err.decode()) == (code, b"", message)
    assert list(tmp_path.iterdir()) == []


def test_a_stream_whose_reader_goes_away_ends(seqtool_command: list[str]) -> None:
    options = ["--format", "jsonl", "--probabilities"]
    with listening(seqtool_command, "detect-trigger", *options) as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        with pytest.raises(BrokenPipeError):
            process.stdin.write(endless_wav(noise(600)))
        assert process.stderr.read() == b""
        assert process.wait(timeout=60) == 0


def test_probabilities_come_while_the_stream_is_open(seqtool_command: list[str]) -> None:
    """Those of 8 s of sound that were sent, but for what the pipe and the network hold back."""
    options = ["--format", "jsonl", "--probabilities", "--threshold", "1"]
    with listening(seqtool_command, "detect-trigger", *options) as process:
        assert process.stdout
        times = [json.loads(process.stdout.readline())["time"] for _ in range(180)]
        assert times == sorted(times)
        assert times[-1] > 7


def test_a_reader_that_is_gone_before_the_text(seqtool_command: list[str]) -> None:
    with listening(seqtool_command, "transcribe") as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        process.stdin.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=60) == 0


@every_command
def test_a_stream_that_breaks_off_within_a_sample(seqtool_command: list[str], command: str) -> None:
    with listening(seqtool_command, command) as process:
        out, err = process.communicate(b"\x00", timeout=60)
    assert process.returncode == 1
    assert b"ends within a sample" in err
    assert err.count(b"\n") == 1
    assert not [line for line in out.decode().split("\n") if "nan" in line]
