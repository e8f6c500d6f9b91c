"""Examples to train on: drawn anew in every epoch, as the seed says and nothing else."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from transcribe_models import RATE, speak

from seqtool.audio.features import FeatureSettings
from seqtool_transcribe.alphabet import Alphabet, make_alphabet
from seqtool_transcribe.drawing import Augmentation, draw_examples
from seqtool_transcribe.front_end import (
    NORMALISE,
    FrontEnd,
    hear,
    is_steady,
    measured,
    normalised,
)
from seqtool_transcribe.manifest import Clip
from seqtool_transcribe.recordings import Recordings, as_samples, as_sound
from seqtool_transcribe.source import DrawnSource, KeptSource, make_source

FRONT_END = FrontEnd(FeatureSettings(rate=RATE, mels=16))
WORDS = ["low", "high", "low", "high", "low", "high"]
EVERYTHING = Augmentation((2, 3), 0.25, (0.9, 1.1), (5.0, 30.0), True, True)


@pytest.fixture(scope="module")
def alphabet() -> Alphabet:
    """Of characters, with a space."""
    settings = {"tokenizer": None, "level": "char", "vocab_size": None, "threads": 1}
    return make_alphabet(["low high"], settings)


@pytest.fixture(scope="module")
def recordings(alphabet: Alphabet) -> Recordings:
    """Six words of two speakers."""
    clips = [Clip("", word, "ab"[n % 2], "") for n, word in enumerate(WORDS)]
    sounds = [as_sound(speak([word], n)) for n, word in enumerate(WORDS)]
    return Recordings(clips, sounds, alphabet.encode(WORDS))


def test_16_bits_are_kept() -> None:
    sound = np.array([-32768, -1, 0, 1, 32767], np.int16)
    np.testing.assert_array_equal(as_sound(as_samples(sound)), sound)
    np.testing.assert_array_equal(as_sound(np.array([1.5, -1.5], np.float32)), [32767, -32768])


def test_without_changes_frames_are_kept(recordings: Recordings, alphabet: Alphabet) -> None:
    source = make_source(recordings, alphabet, FRONT_END, Augmentation())
    assert isinstance(source, KeptSource)
    lengths = source.start_epoch(0)
    for number, sound in enumerate(recordings.sounds):
        frames = hear(as_samples(sound), FRONT_END)
        assert lengths[number] == len(frames)
        np.testing.assert_array_equal(source.features(number), frames)
        assert alphabet.decode(source.labels(number)) == WORDS[number]


@pytest.mark.parametrize(
    "augmentation", [EVERYTHING, Augmentation((1, 4)), Augmentation(snr=(0.0, 10.0))]
)
def test_an_example_follows_from_seed_epoch_and_number(
    recordings: Recordings, alphabet: Alphabet, augmentation: Augmentation
) -> None:
    noises = [as_sound(np.random.default_rng(1).uniform(-0.1, 0.1, 3000).astype(np.float32))]

    def made(epoch: int, numbers: range, seed: int = 3) -> list[bytes]:
        source = DrawnSource(recordings, alphabet, FRONT_END, augmentation, noises, seed)
        lengths = source.start_epoch(epoch)
        for number in numbers:
            frames = source.features(number)
            assert frames.shape == (lengths[number], 16)
            assert frames.dtype == np.float32
            assert np.isfinite(frames).all()
        return [source.features(number).tobytes() for number in numbers]

    count = len(DrawnSource(recordings, alphabet, FRONT_END, augmentation, noises).start_epoch(0))
    first = made(0, range(count))
    assert made(0, range(count)[::-1]) == first[::-1]
    assert made(1, range(count)) != first
    assert made(0, range(count), seed=4) != first


def test_joined_recordings_are_of_one_speaker() -> None:
    random = np.random.default_rng(1)
    speakers = ["a", "b", "b", "a", "c", "b"]
    drawn = draw_examples([800] * 6, speakers, Augmentation((2, 4), 0.2), RATE, random)
    spoken = [each for each in drawn if each.clips]
    assert len(spoken) == 2  # six recordings, three an example
    assert len(drawn) - len(spoken) == round(2 * 0.25)
    for each in spoken:
        assert len({speakers[clip] for clip in each.clips}) == 1
        assert 2 <= len(each.clips) <= 4
        assert len(each.pauses) == len(each.clips) + 1
        assert each.samples == 800 * len(each.clips) + sum(each.pauses)


def test_every_recording_comes_as_often() -> None:
    random = np.random.default_rng(1)
    counts = np.zeros(4, int)
    for _ in range(200):
        for each in draw_examples([800] * 4, ["x"] * 4, Augmentation((1, 3)), RATE, random):
            counts[each.clips] += 1
    assert counts.min() > 0.8 * counts.max()


def test_what_is_said_is_what_was_joined(recordings: Recordings, alphabet: Alphabet) -> None:
    source = DrawnSource(recordings, alphabet, FRONT_END, Augmentation((3, 3)))
    for number in range(len(source.start_epoch(2))):
        words = source.text(number).split()
        assert len(words) == 3
        assert alphabet.decode(source.labels(number)) == source.text(number)
        samples = source.sound(number)
        assert np.abs(samples).max() == pytest.approx(0.3, rel=0.2)
    kept = source.kept()
    source.start_epoch(0)
    assert kept.texts == [source.text(number) for number in range(len(kept.texts))]
    np.testing.assert_array_equal(kept.features(1), source.features(1))


def test_nothing_is_said_in_empty_examples(recordings: Recordings, alphabet: Alphabet) -> None:
    source = DrawnSource(recordings, alphabet, FRONT_END, Augmentation(empty=0.5))
    count = len(source.start_epoch(0))
    assert count == 12
    for number in range(6, 12):
        assert source.text(number) == ""
        assert len(source.labels(number)) == 0
        assert np.abs(source.sound(number)).max() <= 1


@pytest.mark.parametrize("kind", NORMALISE)
def test_loudness_makes_no_difference(kind: str) -> None:
    front_end = FRONT_END._replace(normalise=kind)
    samples = speak(["low", "high"])
    quiet, loud = hear(samples * np.float32(0.5), front_end), hear(samples, front_end)
    np.testing.assert_allclose(quiet, loud, atol=0.05)


@pytest.mark.parametrize("kind", NORMALISE)
def test_tones_are_steady_and_speech_is_not(kind: str) -> None:
    times = np.arange(RATE) / RATE
    noise = 0.01 * np.random.default_rng(1).standard_normal(RATE)
    front_end = FRONT_END._replace(normalise=kind)
    if kind == "level":
        front_end = measured(front_end, [hear(speak(["low", "high"]), front_end)])

    def steady(samples: NDArray[np.floating[Any]]) -> bool:
        return is_steady(hear(samples.astype(np.float32), front_end), front_end)

    for frequency in (50, 440, 1000, 2500):
        tone = np.sin(2 * np.pi * frequency * times)
        assert steady(np.rint(0.5 * tone * 32768) / 32768)
        assert steady(0.02 * tone)
    assert not steady(noise)
    for word in ("low", "high"):
        assert not steady(speak([word], pause=0.0))


@pytest.mark.parametrize("kind", NORMALISE)
def test_steady_sound_is_not_blown_up(kind: str) -> None:
    assert normalised(np.zeros((0, 4), np.float32), kind).shape == (0, 4)
    silence = hear(np.zeros(RATE, np.float32), FRONT_END._replace(normalise=kind))
    assert np.ptp(silence) == 0
    random = np.random.default_rng(1)
    noise = (1e-4 * random.standard_normal(RATE)).astype(np.float32)
    speech = hear(speak(["low", "high"]), FRONT_END._replace(normalise=kind))
    hiss = hear(noise, FRONT_END._replace(normalise=kind))
    assert hiss.std(axis=0).max() < 0.7 < speech.std(axis=0).max()
