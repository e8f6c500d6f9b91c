"""Streams to train on: what lies in them, where, how loud, and that they can be made again."""

from itertools import pairwise

import numpy as np
import pytest
from trigger_sounds import chirp, clip_of, other, recording, word

from seqtool.audio.augment import fitted
from seqtool.audio.features import FeatureSettings
from seqtool_detect_trigger.clips import RATE, level
from seqtool_detect_trigger.streams import (
    Material,
    Piece,
    Place,
    StreamSettings,
    StreamSource,
    background,
    sound_of,
)

SETTINGS = StreamSettings(streams=30, seconds=5.0, snr=(5.0, 5.0), label=0.4, reduction=4)


def material(seed: int = 1) -> Material:
    """Four words, four other sounds and two noises."""
    random = np.random.default_rng(seed)
    return Material(
        [clip_of(recording(word(random), random), f"word {n}") for n in range(4)],
        [clip_of(recording(other(random), random), f"other {n}") for n in range(4)],
        [clip_of(random.standard_normal(RATE).astype(np.float32) * 0.05) for _ in range(2)],
    )


def source(settings: StreamSettings = SETTINGS, seed: int = 1) -> StreamSource:
    """A source of streams."""
    return StreamSource(material(), settings, FeatureSettings(mels=20), seed)


def test_pieces_do_not_overlap_and_stay_inside() -> None:
    made = source()
    kinds = set()
    for number in range(200):
        plan = made.plan(np.random.default_rng(number))
        bounds = [0]
        for piece in plan.pieces:
            bounds += [piece.offset, piece.offset + piece.length]
            kinds.add((piece.clip.path.split()[0], piece.end is not None))
            if piece.end is not None:
                assert piece.offset < piece.end <= piece.offset + piece.length
        bounds.append(5 * RATE)
        assert all(first <= second for first, second in pairwise(bounds))
    # Words with an end, parts of words that are none, and other sounds.
    assert kinds == {("word", True), ("word", False), ("other", False)}


def test_a_part_of_a_word_is_far_from_whole() -> None:
    made = source()
    for number in range(100):
        for piece in made.plan(np.random.default_rng(number)).pieces:
            if piece.clip.path.startswith("word") and piece.end is None:
                whole = piece.clip.end - piece.clip.start
                assert 0.25 * whole < piece.stop - piece.start < 0.65 * whole


def test_labels_are_1_behind_the_end_of_each_word() -> None:
    made = source()
    counts = made.start_epoch(0)
    frames = FeatureSettings(mels=20)
    ones = 0
    for number in range(len(counts)):
        labels = made.labels(number)
        assert len(labels) == -(-len(made.features(number)) // 4)
        assert len(made.features(number)) == counts[number]
        ends = [piece.end for piece in made._plans[number].pieces if piece.end is not None]
        for step, label in enumerate(labels.tolist()):
            heard = (4 * step + 3) * frames.hop_samples + frames.window_samples
            assert label == any(end <= heard < end + 0.4 * RATE for end in ends)
        ones += int(labels.sum())
    assert ones > 50


def test_streams_follow_from_seed_epoch_and_number() -> None:
    first, again, different = source(), source(), source(seed=2)
    for made in (first, different):
        made.start_epoch(0)
    again.start_epoch(3)
    later = again.features(5)
    again.start_epoch(0)
    assert (again.features(7) == first.features(7)).all()
    assert (again.features(5) == first.features(5)).all()
    assert (again.labels(5) == first.labels(5)).all()
    assert (later != again.features(5)).any()
    assert (different.features(5) != first.features(5)).any()


def test_the_background_is_as_far_below_as_was_asked_for() -> None:
    made = source()
    distances = []
    for number in range(100):
        plan = made.plan(np.random.default_rng(number))
        if not plan.pieces or plan.background is None:
            continue
        louds = [piece.clip.level + piece.gain for piece in plan.pieces]
        distances.append(np.mean(louds) - plan.background)
        empty = made.render(plan._replace(pieces=[]))
        assert level(empty) == pytest.approx(plan.background, abs=0.1)
    # Pieces lie within 6 dB of the middle, which is 5 dB above, or 30 to 50.
    close = [x for x in distances if x < 15]
    assert 0.5 < len(close) / len(distances) < 0.95
    assert all(-1.5 < x < 11.5 or 23 < x < 57 for x in distances)


def test_a_stream_is_at_most_full_scale() -> None:
    made = source(SETTINGS._replace(snr=(-60.0, -60.0)))
    made.start_epoch(0)
    for plan in made._plans:
        samples = made.render(plan)
        assert len(samples) == 5 * RATE
        assert np.abs(samples).max() <= 1


def test_where_a_model_was_wrong_comes_more_often() -> None:
    asked = []

    def find(epoch: int) -> list[Place]:
        asked.append(epoch)
        return [Place(2, 5000, 0.9)]

    made = source()
    made.find_hard = find
    shares = []
    for epoch in (0, 1):
        made.start_epoch(epoch)
        pieces = [piece.clip.path for plan in made._plans for piece in plan.pieces]
        others = [path for path in pieces if path.startswith("other")]
        shares.append(others.count("other 2") / len(others))
    assert asked == [1]
    assert shares[0] < 0.45 < 0.5 < shares[1]


def test_a_piece_is_changed_as_it_says() -> None:
    clip = clip_of(chirp(1000, 1000, 1.0))
    random = np.random.default_rng(1)
    plain = sound_of(Piece(clip, 0, RATE, 1.0, 6.0, False, RATE), random)
    middle = slice(1000, 15000)
    np.testing.assert_allclose(plain[middle], clip.samples[middle] * 10**0.3, rtol=1e-5)
    assert (plain[0], plain[-1]) == (0, 0)
    faster = sound_of(Piece(clip, 0, RATE, 1.25, 0.0, False, 12800), random)
    assert len(faster) == 12800
    spectrum = np.abs(np.fft.rfft(faster[1000:9000]))
    assert spectrum.argmax() * RATE / 8000 == pytest.approx(1250, abs=4)
    echo = sound_of(Piece(clip, 0, RATE, 1.0, 0.0, True, RATE), random)
    assert len(echo) == RATE
    assert (np.abs(echo - plain)[middle] > 0.01).any()


def test_noise_goes_on_as_long_as_it_must() -> None:
    random = np.random.default_rng(1)
    noises = material().noises
    for count in (1, RATE // 2, 5 * RATE):
        assert len(background(noises, count, random)) == count
        assert len(background([], count, random)) == count
    assert len(fitted(np.ones(5, np.float32), 3)) == 3
    assert fitted(np.ones(2, np.float32), 3).tolist() == [1, 1, 0]
