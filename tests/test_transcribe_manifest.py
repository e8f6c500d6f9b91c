"""Lists of recordings: tables, JSON lines, folders, and what is none."""

import json
from pathlib import Path

import numpy as np
import pytest

from seqtool.errors import SeqtoolError
from seqtool.nn.hold_back import hold_back
from seqtool_transcribe.manifest import read_manifests, sha256_of, sounds_sha256

WORDS = ("recordings", "name a manifest")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three recordings, which nobody reads here."""
    (tmp_path / "sub").mkdir()
    for name in ("a.wav", "b.FLAC", "sub/c.ogg"):
        (tmp_path / name).write_bytes(b"")
    return tmp_path


def test_a_table(folder: Path) -> None:
    path = folder / "list.tsv"
    path.write_text("a.wav\t one  two \tanna\r\n\nsub/c.ogg\t\n", encoding="utf-8", newline="\n")
    first, second = read_manifests([str(path)], "strict")
    assert first == (str(folder / "a.wav"), "one  two", "anna", f"{path}:1")
    assert second == (str(folder / "sub/c.ogg"), "", "", f"{path}:3")
    absolute = folder / "sub" / "list.tsv"
    absolute.write_text(f"{folder}/a.wav\tone\n", encoding="utf-8")
    assert [clip.path for clip in read_manifests([str(path), str(absolute)], "strict")] == [
        first.path,
        second.path,
        first.path,
    ]


def test_json_lines(folder: Path) -> None:
    path = folder / "list.jsonl"
    records = [
        {"audio": "a.wav", "text": "ß\ntwo ", "speaker": "x"},
        {"audio": "b.FLAC", "text": ""},
    ]
    path.write_text("\n".join(map(json.dumps, records)) + "\n\n", encoding="utf-8")
    found = read_manifests([str(path)], "strict")
    assert [clip[1:3] for clip in found] == [("ß two", "x"), ("", "")]


def test_a_folder(folder: Path) -> None:
    (folder / "b.txt").write_text("one\ntwo\n", encoding="utf-8")
    (folder / "sub" / "c.txt").write_text("three", encoding="utf-8")
    found = read_manifests([str(folder)], "strict")
    assert [(clip.path, clip.text) for clip in found] == [
        (str(folder / "b.FLAC"), "one two"),
        (str(folder / "sub" / "c.ogg"), "three"),
    ]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("x.tsv", "a.wav one\n", "x.tsv:1: a line is the path"),
        ("x.tsv", "a.wav\tone\nmissing.wav\ttwo\n", "x.tsv:2: no such file: "),
        ("x.tsv", "\n", "no recordings"),
        ("x.Flac.gz", "fLaC", "a recording: name a file that says"),
        ("x.jsonl", '{"audio": "a.wav"}\n', "x.jsonl:1: a line needs"),
        ("x.jsonl", '{"audio": 3, "text": "a"}\n', "x.jsonl:1: a line needs"),
        ("x.jsonl", "[1]\n", "x.jsonl:1: a line needs"),
        ("x.jsonl", "{\n", "x.jsonl:1: not JSON"),
        ("x.tsv", b"a.wav\t\xff\n", "x.tsv:1: not UTF-8"),
    ],
)
def test_what_is_no_manifest(folder: Path, name: str, content: str | bytes, words: str) -> None:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(SeqtoolError, match=words):
        read_manifests([str(path)], "strict")


def test_a_share_is_held_back() -> None:
    kept, held = hold_back(20, 0.25, 1, *WORDS)
    assert len(held) == 5
    assert sorted(kept + held) == list(range(20))
    assert held != hold_back(20, 0.25, 2, *WORDS)[1]
    with pytest.raises(SeqtoolError, match="too few"):
        hold_back(1, 0.5, 1, *WORDS)


def test_digests_tell_recordings_apart(folder: Path) -> None:
    path = folder / "list.tsv"
    path.write_text("a.wav\tone\na.wav\ttwo\n", encoding="utf-8")
    clips = read_manifests([str(path)], "strict")
    sounds = [np.arange(3, dtype=np.int16), np.arange(2, dtype=np.int16)]
    shifted = [np.array([0, 1], np.int16), np.array([2, 0, 1], np.int16)]
    assert sounds_sha256(sounds) != sounds_sha256(shifted)
    assert sha256_of(clips, sounds) != sha256_of(clips[::-1], sounds)
