"""Clips: found, split and trimmed."""

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
from trigger_sounds import chirp, clip_of, recording, word

from seqtool.errors import SeqtoolError
from seqtool_detect_trigger.clips import (
    RATE,
    active_stretch,
    aligned,
    digest,
    find_clips,
    level,
    make_clip,
    read_clips,
    split_paths,
)


def test_folders_are_searched_and_sorted(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    for name in ("z.wav", "b/a.flac", "b/.hidden.wav"):
        soundfile.write(tmp_path / name, chirp(500, 500, 0.3), RATE)
    (tmp_path / "notes.txt").write_text("no sound", encoding="utf-8")
    wanted = [str(tmp_path / "b/a.flac"), str(tmp_path / "z.wav")]
    assert find_clips([str(tmp_path)]) == wanted
    assert find_clips([str(tmp_path), str(tmp_path / "b")]) == wanted
    assert find_clips([wanted[1]]) == wanted[1:]
    assert [clip.path for clip in read_clips(wanted, 2)] == wanted


def test_folders_without_sound_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SeqtoolError, match="no sound in it"):
        find_clips([str(tmp_path)])
    with pytest.raises(SeqtoolError, match="no such folder"):
        find_clips([str(tmp_path / "none")])


def test_a_split_depends_on_names_and_seed_alone() -> None:
    names = [f"{number}.wav" for number in range(100)]
    rest, held = split_paths([f"a/{name}" for name in names], 0.3, 7)
    assert (len(rest), len(held)) == (70, 30)
    assert sorted(rest + held) == sorted(f"a/{name}" for name in names)
    shuffled = [f"b/{name}" for name in reversed(names)]
    again = split_paths(shuffled, 0.3, 7)
    assert [[os.path.basename(p) for p in part] for part in again] == [
        [os.path.basename(p) for p in part] for part in (rest, held)
    ]
    assert split_paths(shuffled, 0.3, 8)[1] != again[1]


@pytest.mark.parametrize(
    ("count", "share", "held"), [(3, 0.1, 1), (3, 0.9, 2), (1, 0.5, 0), (5, 0, 0)]
)
def test_neither_part_of_a_split_is_empty(count: int, share: float, held: int) -> None:
    rest, other = split_paths([str(number) for number in range(count)], share, 1)
    assert (len(rest), len(other)) == (count - held, held)


@pytest.mark.parametrize("noise", [0.0, 0.001, 0.01])
@pytest.mark.parametrize("padding", [0.0, 0.5])
def test_the_stretch_of_a_word_is_found(noise: float, padding: float) -> None:
    random = np.random.default_rng(1)
    sound = word(random)
    samples = random.standard_normal(2 * RATE) * noise
    samples[RATE // 2 : RATE // 2 + len(sound)] += sound
    samples = np.concatenate([samples, np.zeros(round(padding * RATE))])
    found = active_stretch(samples.astype(np.float32))
    assert found is not None
    assert found[0] == pytest.approx(RATE / 2, abs=0.03 * RATE)
    assert found[1] == pytest.approx(RATE / 2 + len(sound), abs=0.03 * RATE)


def test_a_click_apart_is_no_part_of_a_word() -> None:
    random = np.random.default_rng(1)
    samples = recording(word(random), random, before=1.0)
    samples[1000:1100] = 0.9
    found = active_stretch(samples)
    assert found is not None
    assert found[0] == pytest.approx(RATE, abs=0.03 * RATE)


def test_noise_that_seems_a_part_of_a_word_is_not_where_others_are_shorter() -> None:
    random = np.random.default_rng(1)
    good = [clip_of(recording(word(random), random)) for _ in range(5)]
    samples = recording(word(random), random, before=0.6)
    samples[4000:] += (random.standard_normal(len(samples) - 4000) * 0.03).astype(np.float32)
    samples[:4000] *= 0.2
    odd = clip_of(samples)
    assert odd.end - odd.start > 1.5 * (good[0].end - good[0].start)
    *same, better = aligned([*good, odd])
    assert [clip.end for clip in same] == [clip.end for clip in good]
    assert better.end == pytest.approx(0.9 * RATE, abs=0.05 * RATE)
    assert aligned([]) == []


@pytest.mark.parametrize("count", [0, 1, 100, 5000])
def test_silence_is_no_clip(count: int) -> None:
    assert make_clip("silent", np.zeros(count, np.float32)) is None


def test_the_level_is_that_of_the_active_stretch() -> None:
    clip = clip_of(np.concatenate([np.zeros(RATE, np.float32), chirp(500, 500, 1.0)]))
    assert clip.level == pytest.approx(10 * np.log10(0.3**2 / 2), abs=0.2)
    assert level(np.zeros(10, np.float32)) == -120
    assert level(np.zeros(0, np.float32)) == -120


def test_the_digest_is_that_of_the_samples() -> None:
    clips = [clip_of(chirp(500, 900, 0.3)), clip_of(chirp(500, 800, 0.3))]
    assert digest(clips) == digest([clip._replace(path="other") for clip in clips])
    assert digest(clips) != digest(clips[::-1])
