"""`seqtool transcribe` from the shell: streams, formats, alignment, scores, pictures."""

import io
import itertools
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from conftest import RunCli
from safetensors.numpy import save_file
from transcribe_models import RATE, TRAINING, Floats, speak, write_corpus

from seqtool.errors import SeqtoolError
from seqtool.modelfile import read_model, write_model
from seqtool_transcribe.model_files import KIND, load
from seqtool_transcribe.pieces import LONGEST, transcribed
from seqtool_transcribe.recogniser import Recogniser
from seqtool_transcribe.settings import make_decoder
from seqtool_transcribe.words import Segment, Word
from seqtool_transcribe.writers import make_writer

WORDS = ["low", "high", "high", "low"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that has learned, and recordings."""
    from seqtool.cli import main

    folder = tmp_path_factory.mktemp("transcribe")
    manifest = write_corpus(folder / "train", 48, 1)
    write_corpus(folder / "test", 8, 5)
    command = [
        "transcribe", "train", manifest, "--validation", 0, *TRAINING, "--epochs", 30, "--snr",
        "10..40", "--empty", 0.2, "-q", "-o", folder / "m.safetensors",
    ]  # fmt: skip
    assert main([*map(str, command)]) == 0
    write(folder / "a.wav", speak(WORDS))
    write(folder / "silence.wav", np.zeros(2 * RATE, np.float32))
    write(folder / "nothing.wav", np.zeros(0, np.float32))
    gap = np.zeros(3 * RATE, np.float32)
    write(folder / "long.wav", np.concatenate([speak(WORDS), gap, speak(WORDS[:2], 2)]))
    (folder / "a.txt").write_text(" ".join(WORDS) + "\n", encoding="utf-8")
    return folder


def write(path: Path, samples: Floats) -> None:
    """A WAV file."""
    soundfile.write(path, samples, RATE)


def raw(samples: Floats) -> bytes:
    """Samples as s16le."""
    return (samples * 32767).astype("<i2").tobytes()


TEXT = " ".join(WORDS) + "\n"
RAW = ("--raw", f"s16le:{RATE}")


# --- streams --------------------------------------------------------------------------------------


def test_a_recording_in_a_line_out(run_cli: RunCli, folder: Path, tmp_path: Path) -> None:
    model = ("transcribe", "-m", folder / "m.safetensors")
    sound = folder / "a.wav"
    assert run_cli(*model, sound) == (0, TEXT, "")
    assert run_cli(*model, sound, folder / "silence.wav", sound) == (0, f"{TEXT}\n{TEXT}", "")
    assert run_cli(*model, "--beam", 5, sound) == (0, TEXT, "")
    assert run_cli(*model, stdin=sound.read_bytes()) == (0, TEXT, "")
    assert run_cli(*model, *RAW, "-", stdin=raw(speak(WORDS))) == (0, TEXT, "")
    assert run_cli(*model, "-o", tmp_path / "out", sound) == (0, "", "")
    assert (tmp_path / "out").read_text(encoding="utf-8") == TEXT


def test_where_nothing_is_said(run_cli: RunCli, folder: Path) -> None:
    model = ("transcribe", "-m", folder / "m.safetensors")
    random = np.random.default_rng(1)
    hiss = (0.01 * random.standard_normal(3 * RATE)).astype(np.float32)
    for samples in (hiss, hiss * 0, hiss[:0], hiss[:1], hiss[:100] * 0):
        assert run_cli(*model, *RAW, stdin=raw(samples)) == (0, "\n", "")
    files = (folder / "silence.wav", folder / "nothing.wav")
    assert run_cli(*model, *files) == (0, "\n\n", "")
    found = json.loads(run_cli(*model, "--format", "json", *files).out)
    assert found == [
        {"file": str(files[0]), "start": 0.0, "end": 2.0, "text": "", "words": []},
        {"file": str(files[1]), "start": 0.0, "end": 0.0, "text": "", "words": []},
    ]
    assert run_cli(*model, "--format", "srt", files[0]) == (0, "", "")
    assert run_cli(*model, "--format", "ctm", *files) == (0, "", "")


def test_threads_change_nothing(run_cli: RunCli, folder: Path) -> None:
    sounds = sorted((folder / "test").glob("*.wav"))
    outs = {
        run_cli(
            "transcribe", "-m", folder / "m.safetensors", "--format", "json", "--threads", threads,
            *sounds, folder / "long.wav",
        ).out
        for threads in (1, 2, 5)
    }  # fmt: skip
    assert len(outs) == 1


def test_a_stream_is_answered_as_it_comes(folder: Path, seqtool_command: list[str]) -> None:
    command = [*seqtool_command, "transcribe", "-m", "m.safetensors", *RAW, "--format", "jsonl"]
    with subprocess.Popen(
        command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin
        assert process.stdout
        for number in range(2):
            gap = np.zeros(2 * RATE, np.float32)
            process.stdin.write(raw(np.concatenate([speak(WORDS, number), gap])))
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["text"] == " ".join(WORDS)
        process.stdin.close()
        assert process.stdout.read() == b""
        assert process.wait(timeout=60) == 0


def test_memory_does_not_grow_with_a_recording(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An endless one is heard, a few pieces after they are read."""
    given_out = 0.0
    noise = np.random.default_rng(1).normal(0, 0.1, 2 * RATE).astype(np.float32)

    def endless(*arguments: object) -> Iterator[Floats]:
        nonlocal given_out
        while True:
            given_out += 2
            yield noise

    monkeypatch.setattr("seqtool_transcribe.pieces.audio_blocks", endless)
    recogniser = Recogniser(load(str(folder / "m.safetensors")))
    for spoken in itertools.islice(transcribed(recogniser, ["x.wav"], None), 40):
        assert given_out - spoken.seconds <= 9 * LONGEST  # eight are heard together
    assert spoken.seconds > 300


# --- formats --------------------------------------------------------------------------------------


def words_of(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The words of all records."""
    return [word for record in records for word in record["words"]]


def test_formats_agree(run_cli: RunCli, folder: Path) -> None:
    def out(format: str) -> str:
        sound = folder / "long.wav"
        found = run_cli("transcribe", "-m", folder / "m.safetensors", "--format", format, sound)
        assert (found.code, found.err) == (0, "")
        return found.out

    records = [json.loads(line) for line in out("jsonl").split("\n")[:-1]]
    assert json.loads(out("json")) == records
    assert [record["text"] for record in records] == [" ".join(WORDS), "low high"]
    words = words_of(records)
    assert [word["word"] for word in words] == [*WORDS, "low", "high"]
    times = [time for word in words for time in (word["start"], word["end"])]
    assert times == sorted(times)
    assert records[1]["start"] > 4
    assert out("text") == f"{' '.join(WORDS)} low high\n"
    header, *rows = (row.split("\t") for row in out("tsv").split("\n")[:-1])
    assert header == ["file", "start", "end", "text"]
    for row, record in zip(rows, records, strict=True):
        assert [float(row[1]), float(row[2]), row[3]] == [
            record["start"], record["end"], record["text"],
        ]  # fmt: skip
    for line, word in zip(out("ctm").split("\n"), words, strict=False):
        name, channel, start, duration, text, confidence = line.split(" ")
        assert (name, channel, text) == ("long", "1", word["word"])
        assert float(start) == pytest.approx(word["start"], abs=2e-3)
        assert float(duration) == pytest.approx(word["end"] - word["start"], abs=2e-3)
        assert float(confidence) == pytest.approx(word["confidence"], abs=1e-4)
    assert out("vtt").startswith("WEBVTT\n\n00:00:00.")
    srt = out("srt")
    assert srt.split("\n\n")[1].startswith("2\n00:00:0")
    assert srt.split("\n")[2] == " ".join(WORDS)
    assert srt.replace(",", ".").replace("1\n", "").replace("2\n", "") in out("vtt").replace(
        "1\n", ""
    ).replace("2\n", "")


def subtitles(words: list[Word], format: str) -> str:
    """A piece with these words."""
    out = io.StringIO()
    make_writer(out, format).write(Segment("a.wav", 0.0, 20.0, words))
    return out.getvalue()


def test_subtitles_of_signs_that_mean_something() -> None:
    words = [Word(text, 0.0, 1.0, 1.0) for text in ("AT&T", "<b>", "-->")]
    assert subtitles(words, "srt") == "1\n00:00:00,000 --> 00:00:01,000\nAT&T <b> ->\n\n"
    cue = "00:00:00.000 --> 00:00:01.000\nAT&amp;T &lt;b> ->\n\n"
    assert subtitles(words, "vtt") == f"WEBVTT\n\n{cue}"


def test_subtitles_can_be_read() -> None:
    """CTC says a word in an instant; its subtitle stays for a second, or until the next."""
    words = [Word("one", 1.0, 1.04, 1.0), Word("two", 19.4, 19.44, 1.0)]
    times = [line for line in subtitles(words, "srt").split("\n") if "-->" in line]
    assert times == ["00:00:01,000 --> 00:00:02,000", "00:00:19,400 --> 00:00:20,000"]
    words = [Word("long" * 20, at, at + 0.04, 1.0) for at in (1.0, 1.5)]
    times = [line for line in subtitles(words, "srt").split("\n") if "-->" in line]
    assert times == ["00:00:01,000 --> 00:00:01,500", "00:00:01,500 --> 00:00:02,500"]


def test_subtitles_of_words_without_times() -> None:
    """They are those of the piece, which is longer than a subtitle should be."""
    words = [Word("word", 0.0, 20.0, 1.0)] * 20
    shown = subtitles(words, "srt").split("\n\n")[:-1]
    assert len(shown) == 2
    assert sum(cue.count("word") for cue in shown) == 20


def test_steps_are_as_long_as_their_samples(folder: Path) -> None:
    """At 11,025 Hz a hop of 10 ms has 110 samples: 9.977 ms."""
    loaded = load(str(folder / "m.safetensors"))
    features = loaded.front_end.features._replace(rate=11025)
    changed = loaded._replace(front_end=loaded.front_end._replace(features=features))
    assert loaded.step_seconds == pytest.approx(0.04)
    assert changed.step_seconds == pytest.approx(4 * 110 / 11025)


ARPA = """\\data\\
ngram 1=5

\\1-grams:
-5\t<unk>
-99\t<s>
-1\t</s>
-3\tlow
-0.1\thigh

\\end\\
"""


def test_a_language_model_and_hotwords(
    run_cli: RunCli, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arpa, listed = tmp_path / "x.arpa", tmp_path / "words"
    arpa.write_text(ARPA, encoding="utf-8")
    listed.write_text("low\n\nother words\n", encoding="utf-8")
    loaded = load(str(folder / "m.safetensors"))
    symbols = [loaded.alphabet.encode([word])[0][0] for word in ("low", "high")]
    probabilities = np.full((5, loaded.alphabet.symbols), 1e-9, np.float32)
    probabilities[:, 0] = 1  # blanks, and then either word
    probabilities[2, [0, *symbols]] = (0.02, 0.55, 0.43)
    log_probs = np.log(probabilities / probabilities.sum(axis=1, keepdims=True))

    def written(**changes: Any) -> str:
        settings = {"decoder": None, "beam": None, "lm": None, "hotwords": None, **changes}
        decoder = make_decoder(loaded, {"lm_weight": 0.5, "word_bonus": 1.5, **settings})
        return loaded.alphabet.decode(decoder.decode(probabilities, lambda frames: log_probs).ids)

    assert written() == written(beam=10) == "low"
    assert written(lm=str(arpa)) == "high"
    assert written(lm=str(arpa), lm_weight=0.0) == "low"
    assert written(hotwords="other,high") == "high"
    assert written(hotwords=str(listed), lm=str(arpa)) == "low"
    (tmp_path / "high").mkdir()
    monkeypatch.chdir(tmp_path)
    assert written(hotwords="high") == "high"  # a folder of that name is no list
    for wrong in ("word.txt", "other,others"):
        with pytest.raises(SeqtoolError, match=f"--hotwords {wrong}: no such file, and "):
            written(hotwords=wrong)
    model = ("transcribe", "-m", folder / "m.safetensors", folder / "a.wav")
    assert run_cli(*model, "--lm", arpa, "--hotwords", listed) == (0, TEXT, "")
    assert run_cli(*model, "--lm", folder / "m.safetensors").code == 1


# --- alignment ------------------------------------------------------------------------------------


def test_alignment(run_cli: RunCli, folder: Path) -> None:
    model = ("transcribe", "align", "-m", folder / "m.safetensors", folder / "a.wav")
    found = run_cli(*model, folder / "a.txt")
    assert (found.code, found.err) == (0, "")
    header, *rows = (row.split("\t") for row in found.out.split("\n")[:-1])
    assert header == ["start", "end", "confidence", "word"]
    assert [row[3] for row in rows] == WORDS
    for number, row in enumerate(rows):
        assert float(row[0]) == pytest.approx(0.12 + 0.32 * number, abs=0.15)
        assert float(row[0]) < float(row[1])
    record = json.loads(run_cli(*model, "-", "--format", "json", stdin=TEXT).out)
    assert [word["word"] for word in record["words"]] == WORDS
    assert [part["character"] for part in record["characters"]] == WORDS
    assert run_cli(*model, folder / "a.txt", "--format", "srt").out.startswith("1\n00:00:00,")
    assert run_cli(*model, folder / "a.txt", "--format", "ctm").out.count("\n") == 4
    heard = json.loads(run_cli(*model[:1], *model[2:], "--format", "json").out)
    for word, other in zip(record["words"], words_of(heard), strict=True):
        assert word["start"] == pytest.approx(other["start"], abs=0.1)
    found = run_cli(*model, "-", "--unit", "character", stdin="\n")
    assert found == (0, "start\tend\tconfidence\tcharacter\n", "")


@pytest.mark.parametrize(
    ("text", "words"),
    [("low\nlow other\n", "stdin:2: the model has no symbols for 'other'"), ("low " * 99, "fit")],
)
def test_a_text_that_cannot_be_aligned(
    run_cli: RunCli, folder: Path, text: str, words: str
) -> None:
    model = ("transcribe", "align", "-m", folder / "m.safetensors", folder / "a.wav")
    found = run_cli(*model, "-", stdin=text)
    assert (found.code, found.out, found.err.count("\n")) == (1, "", 1)
    assert words in found.err


# --- scores and pictures --------------------------------------------------------------------------


def test_scores(
    run_cli: RunCli, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = tmp_path / "list.tsv"
    lines = [f"{folder}/a.wav\tlow high low low low\tanna", f"{folder}/silence.wav\t\tbert"]
    manifest.write_text("\n".join([*lines, f"{folder}/long.wav\tlow high high low low high"]))
    command = ("transcribe", "eval", "-m", folder / "m.safetensors", manifest)
    record = json.loads(run_cli(*command, "--format", "json").out)
    wer, cer = record["wer"], record["cer"]
    assert (wer["substitutions"], wer["deletions"], wer["insertions"]) == (1, 1, 0)
    assert wer["score"] == pytest.approx(100 * 2 / 11)
    assert wer["ref_length"] == 11
    assert "bs:1000|seed:12345" in wer["signature"]
    assert 0 < cer["score"] < wer["score"] < wer["score"] + wer["ci"]
    assert [(row["from"], row["recordings"]) for row in record["by_length"]] == [
        (0, 1),
        (2, 1),
        (6, 1),
    ]
    assert [(row["speaker"], row["wer"]) for row in record["by_speaker"]] == [
        ("", 0.0), ("anna", 40.0), ("bert", 0.0),
    ]  # fmt: skip
    assert [error["edits"] for error in record["errors"]] == [2]
    assert record["right"] == 2
    assert record["seconds"] == pytest.approx(8.5, abs=0.2)
    text = run_cli(*command).out
    assert text.startswith(f"WER|{wer['signature']} = 18.18 (mean ")
    assert "HYP:  low high " in text
    assert "Eval: " in text
    assert "times real time\ndecoder:ctc|beam:1\n" in text
    assert "REF:" not in run_cli(*command, "--list", 0).out
    monkeypatch.setattr("seqtool_transcribe.evaluate._MOST_CELLS", 3)
    text = run_cli(*command).out
    assert "a.wav (anna): 2 wrong\n\n" in text  # too long to be aligned


def test_pictures(run_cli: RunCli, folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    model = ("transcribe", "-m", folder / "m.safetensors")
    picture = tmp_path / "a.svg"
    assert run_cli(*model, "--plot", picture, folder / "a.wav") == (0, TEXT, "")
    drawn = picture.read_text(encoding="utf-8")
    assert "log-mel band" in drawn
    assert ">high<" in drawn
    assert run_cli(*model, "--plot", picture, folder / "a.wav").code == 0
    assert picture.read_text(encoding="utf-8") == drawn
    for name in ("silence.wav", "nothing.wav"):
        assert run_cli(*model, "--plot", tmp_path / "b.png", folder / name) == (0, "\n", "")


# --- what cannot work -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--lm-weight", "1"], "goes with --lm"),
        (["--beam", "1", "--hotwords", "a"], "need a --beam"),
        (["--format", "srt", "b.wav"], "name one file"),
        (["--plot", "x.png", "b.wav"], "name one file"),
        (["--plot", "x.gif"], ".png, .svg"),
        (["-", "-"], "one file only"),
        (["--raw", "mp3:3"], "no encoding"),
        (["-o", "a.wav"], "cannot be written"),
    ],
)
def test_options_that_cannot_be(
    run_cli: RunCli,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    words: str,
) -> None:
    monkeypatch.chdir(folder)
    found = run_cli("transcribe", "-m", "m.safetensors", "a.wav", *options)
    assert found.code == 2, found.err
    assert words in found.err


def _changed(**changes: Any) -> Any:
    def change(metadata: dict[str, Any]) -> None:
        for path, value in changes.items():
            *outer, name = path.split("__")
            fields = metadata
            for part in outer:
                fields = fields[part]
            fields[name] = value

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_changed(kind="translation"), "not a speech recogniser"),
        (_changed(model=None), "(model)"),
        (_changed(model__hidden="3"), "(model: hidden)"),
        (_changed(model__loss="x"), "(model"),
        (_changed(model__acoustic__stack__hidden=1 << 19), "too few numbers"),
        (_changed(model__acoustic__stack__layers=10**9), "(model)"),
        (_changed(model__acoustic__stack__options={"x": 1}), "(model: acoustic: stack: options)"),
        (_changed(model__acoustic__stack__cell="x"), "no recurrent cell"),
        (_changed(model__acoustic__convolutions=-1), "(model: acoustic: convolutions)"),
        (_changed(model__acoustic__symbols=5), "different vocabularies"),
        (_changed(model__acoustic__kernel=7), "damaged: the tensor"),
        (_changed(model__acoustic__dropout=1e308 * 0.9), "(model)"),
        (_changed(features=None), "(features)"),
        (_changed(features__rate=10**9), "(features"),
        (_changed(features__mels=17, means=[], deviations=[]), "different sizes"),
        (_changed(features__hop="x"), "(features: hop)"),
        (_changed(normalise="x"), "(features)"),
        (_changed(means=[0.0]), "(features)"),
        (_changed(deviations=[0.0] * 16), "(features)"),
        (_changed(means=[]), "(features)"),
        (_changed(means=[1e300] * 16), "(features)"),
        (_changed(deviations=[1e-320] * 16), "(features)"),
        (_changed(features__window=1e308), "(features"),
        (_changed(features__hop=1e-9), "(features"),
        (_changed(tokenizer=3), "(tokenizer)"),
    ],
)
def test_damaged_models(
    run_cli: RunCli, folder: Path, tmp_path: Path, change: Any, words: str
) -> None:
    tensors, metadata = read_model(str(folder / "m.safetensors"), KIND)
    change(metadata)
    path = tmp_path / "x.safetensors"
    write_model(str(path), tensors, metadata)
    found = run_cli("transcribe", "-m", path, folder / "a.wav")
    assert (found.code, found.out, found.err.count("\n")) == (1, "", 1), found.err
    assert words in found.err


@pytest.mark.parametrize("options", [[], ["--beam", 5]])
def test_weights_that_give_no_probabilities(
    run_cli: RunCli, folder: Path, tmp_path: Path, options: list[object]
) -> None:
    tensors, metadata = read_model(str(folder / "m.safetensors"), KIND)
    path = tmp_path / "x.safetensors"
    far = {name: np.full(tensor.shape, 3e38, np.float32) for name, tensor in tensors.items()}
    write_model(str(path), far, metadata)
    found = run_cli("transcribe", "-m", path, *options, folder / "a.wav")
    assert (found.code, found.out, found.err.count("\n")) == (1, "", 1), found.err
    assert "its probabilities are no numbers" in found.err


def test_other_files_are_no_models(run_cli: RunCli, folder: Path, tmp_path: Path) -> None:
    save_file({"a": np.zeros(3)}, tmp_path / "x.safetensors")
    for path in (tmp_path / "x.safetensors", folder / "a.txt", tmp_path):
        found = run_cli("transcribe", "-m", path, folder / "a.wav")
        assert (found.code, found.out, found.err.count("\n")) == (1, "", 1), found.err
