"""Recordings and what is said in them: lists in files, or folders of both."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from seqtool.errors import SeqtoolError
from seqtool.text import display_name, expand_patterns, numbered_lines

SIDECAR = ".txt"
SOUNDS = (  # endings of files
    ".aif", ".aiff", ".au", ".caf", ".flac", ".mp3", ".oga", ".ogg", ".opus", ".rf64", ".w64",
    ".wav",
)  # fmt: skip
_JSON_ENDINGS = (".jsonl", ".ndjson", ".json")
_COMPRESSED = (".gz", ".xz", ".bz2", ".zst")


class Clip(NamedTuple):
    """A recording.

    Attributes:
        path: of the sound.
        text: what is said, without white space around it; empty where nothing is.
        speaker: who says it; empty if that is not known.
        place: ``file:line`` for messages.
    """

    path: str
    text: str
    speaker: str
    place: str


def find_manifests(patterns: Sequence[str]) -> list[str]:
    """The files and folders of patterns. Raises SeqtoolError for one that is not there."""
    paths = expand_patterns(patterns)
    if paths.count("-") > 1:
        raise SeqtoolError("stdin ('-') can be read only once: name it once")
    return paths


def read_manifests(paths: Sequence[str], errors: str) -> list[Clip]:
    """All recordings of manifests, in their order.

    A manifest is a file with lines of path, tab, text and perhaps tab, speaker; one with lines of
    JSON (``audio``, ``text``, ``speaker``), if its name ends in .jsonl; or a folder whose
    recordings have their texts beside them in files that end in .txt. Paths are relative to the
    manifest, those of stdin to the working folder.

    Raises SeqtoolError for lines that are neither, for recordings that are not there, and when
    there are none.
    """
    clips = [clip for path in paths for clip in _read(path, errors)]
    if not clips:
        names = ", ".join(map(display_name, paths))
        raise SeqtoolError(f"{names}: no recordings: there is nothing to listen to")
    for clip in clips:
        if not os.path.isfile(clip.path):
            raise SeqtoolError(f"{clip.place}: no such file: {clip.path}")
    return clips


def _read(path: str, errors: str) -> Iterator[Clip]:
    if path != "-" and os.path.isdir(path):
        return _folder(path, errors)
    plain = path
    for ending in _COMPRESSED:
        plain = plain.removesuffix(ending)
    if plain.lower().endswith(SOUNDS):
        raise SeqtoolError(
            f"{path}: a recording: name a file that says what is said in recordings, or a folder "
            "of both"
        )
    return (_json_lines if plain.endswith(_JSON_ENDINGS) else _table)(path, errors)


def _table(path: str, errors: str) -> Iterator[Clip]:
    for number, line in numbered_lines(path, errors):
        if not line.strip():
            continue
        place = f"{display_name(path)}:{number}"
        sound, *rest = line.rstrip("\r").split("\t")
        if not rest or not sound.strip():
            raise SeqtoolError(
                f"{place}: a line is the path of a recording, a tab and its text, and may have a "
                "tab and a speaker"
            )
        speaker = rest[1].strip() if len(rest) > 1 else ""
        yield Clip(_beside(path, sound.strip()), rest[0].strip(), speaker, place)


def _json_lines(path: str, errors: str) -> Iterator[Clip]:
    for number, line in numbered_lines(path, errors):
        if not line.strip():
            continue
        place = f"{display_name(path)}:{number}"
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise SeqtoolError(f"{place}: not JSON: {error}") from error
        sound, text = _field(record, "audio"), _field(record, "text")
        if not sound or text is None:
            raise SeqtoolError(f'{place}: a line needs the texts "audio" (a path) and "text"')
        speaker = (_field(record, "speaker") or "").strip()
        yield Clip(_beside(path, sound), " ".join(text.split("\n")).strip(), speaker, place)


def _field(record: Any, name: str) -> str | None:
    value = record.get(name) if isinstance(record, dict) else None
    return value if isinstance(value, str) else None


def _folder(path: str, errors: str) -> Iterator[Clip]:
    for folder, folders, names in os.walk(path):
        folders.sort()
        for name in sorted(names):
            stem, ending = os.path.splitext(name)
            text = os.path.join(folder, f"{stem}{SIDECAR}")
            if ending.lower() in SOUNDS and os.path.exists(text):
                lines = [line for _, line in numbered_lines(text, errors)]
                yield Clip(os.path.join(folder, name), " ".join(lines).strip(), "", text)


def _beside(manifest: str, sound: str) -> str:
    folder = "" if manifest == "-" else os.path.dirname(manifest)
    return os.path.join(folder, sound)


def sha256_of(clips: Sequence[Clip], sounds: Sequence[NDArray[np.int16]]) -> str:
    """SHA-256 of recordings with their texts and speakers."""
    digest = hashlib.sha256()
    for clip in clips:
        digest.update(f"{clip.text}\t{clip.speaker}\n".encode("utf-8", "replace"))
    digest.update(sounds_sha256(sounds).encode())
    return digest.hexdigest()


def sounds_sha256(sounds: Sequence[NDArray[np.int16]]) -> str:
    """SHA-256 of the samples of recordings."""
    digest = hashlib.sha256()
    for sound in sounds:
        digest.update(len(sound).to_bytes(8, "little"))
        digest.update(np.ascontiguousarray(sound).tobytes())
    return digest.hexdigest()
