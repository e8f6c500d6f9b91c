"""Features of sound: against plain Python, against librosa, and cut anyhow."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st
from naive import audio as plain

from seqtool.audio.features import (
    FeatureSettings,
    FeatureStream,
    checked_settings,
    features,
    frame_count,
)
from seqtool.audio.normalise import RunningNormaliser, normalised
from seqtool.errors import SeqtoolError

REFERENCES = Path(__file__).parent / "data" / "librosa_references.npz"

Singles = npt.NDArray[np.float32]

SMALL = FeatureSettings(rate=2000, window=0.02, hop=0.008, mels=6, coefficients=4)
VARIANTS = [
    SMALL,
    SMALL._replace(pre_emphasis=0.0, highest=800.0, window=0.032),
    SMALL._replace(kind="mfcc"),
    SMALL._replace(kind="mfcc", deltas=1),
    SMALL._replace(deltas=2),
]


def sound(count: int, seed: int = 1) -> Singles:
    """Noise."""
    return np.random.default_rng(seed).normal(0, 0.1, count).astype(np.float32)


def slowly(samples: Singles, settings: FeatureSettings) -> npt.NDArray[np.float64]:
    """The features by the plain functions."""
    size, top = settings.fft_size, settings.top
    rows = []
    for frame in plain.frames_of(
        samples.tolist(), settings.window_samples, settings.hop_samples, settings.pre_emphasis
    ):
        power = plain.power_spectrum(frame, size)
        energies = plain.mel_energies(
            power, settings.rate, size, settings.mels, settings.lowest, top
        )
        row = list(np.log(np.maximum(energies, 1e-10)))
        rows.append(
            row if settings.kind == "log-mel" else plain.cepstrum(row, settings.coefficients)
        )
    orders = [np.array(rows)]
    for _ in range(settings.deltas):
        orders.append(plain.deltas(orders[-1]))
    return np.concatenate(orders, axis=1)


@pytest.mark.kernel
@pytest.mark.parametrize("settings", VARIANTS)
@pytest.mark.parametrize("count", [1, 39, 40, 41, 56, 150])
def test_features_are_the_plain_ones(settings: FeatureSettings, count: int) -> None:
    samples = sound(count)
    found = features(samples, settings)
    assert found.dtype == np.float32
    assert found.shape == (frame_count(count, settings), settings.size)
    np.testing.assert_allclose(found, slowly(samples, settings), rtol=1e-4, atol=1e-4)


def test_no_samples_no_frames() -> None:
    assert features(sound(0), FeatureSettings(deltas=1)).shape == (0, 80)
    assert frame_count(0, FeatureSettings()) == 0


def test_silence_is_the_floor() -> None:
    found = features(np.zeros(800, np.float32), FeatureSettings())
    assert np.array_equal(found, np.full((3, 40), np.log(np.float32(1e-10))))


@pytest.mark.kernel
@pytest.mark.parametrize("name", ["speech", "librosa", "telephone"])
def test_features_are_those_of_librosa(name: str) -> None:
    """librosa puts the window into the middle of a longer frame."""
    with np.load(REFERENCES, allow_pickle=False) as stored:
        case = {key: stored[f"{name}/{key}"] for key in ("settings", "samples", "mel", "mfcc")}
        delta = stored[f"{name}/delta"]
    rate, window, hop, size, mels, lowest, highest, coefficients = case["settings"].tolist()
    settings = FeatureSettings(
        int(rate), window / rate, hop / rate, int(mels), lowest, highest, 0.0,
        coefficients=int(coefficients),
    )  # fmt: skip
    assert settings.fft_size == size
    beyond = int(size - window) // 2
    samples = case["samples"][beyond : len(case["samples"]) - beyond]
    log_mel = features(samples, settings)
    np.testing.assert_allclose(log_mel, np.log(np.maximum(case["mel"], 1e-10)), rtol=0, atol=1e-4)
    mfcc = features(samples, settings._replace(kind="mfcc", deltas=1))
    nats = np.log(10) / 10  # in a decibel
    wanted = np.concatenate([case["mfcc"], delta], axis=1) * nats
    np.testing.assert_allclose(mfcc, wanted, rtol=0, atol=1e-4)


@given(st.lists(st.integers(0, 90), max_size=12), st.sampled_from(VARIANTS))
@effort(max_examples=60, deadline=None)
def test_a_stream_has_the_same_bits_however_it_is_cut(
    cuts: list[int], settings: FeatureSettings
) -> None:
    samples = sound(sum(cuts))
    stream = FeatureStream(settings)
    edges = np.cumsum([0, *cuts])
    parts = [stream.push(samples[a:b]) for a, b in pairwise(edges)]
    found = np.concatenate([*parts, stream.finish()])
    assert np.array_equal(found, features(samples, settings))


def test_frames_come_as_soon_as_they_can() -> None:
    stream = FeatureStream(FeatureSettings())
    assert [len(stream.push(sound(n))) for n in (399, 1, 159, 1, 1280)] == [0, 1, 0, 1, 8]


def test_blocks_of_many_frames_are_those_of_few() -> None:
    samples = sound(16000 * 3)
    stream = FeatureStream(FeatureSettings())
    parts = [stream.push(samples[k : k + 1280]) for k in range(0, len(samples), 1280)]
    whole = features(samples, FeatureSettings())
    assert np.array_equal(np.concatenate([*parts, stream.finish()]), whole)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rate": 0}, "rate of 0 Hz"),
        ({"rate": 10**9}, "rate of 1000000000 Hz"),
        ({"rate": 10**400}, "rate of 1000"),
        ({"window": 2.0}, "window of 2.0 s"),
        ({"window": 1e308}, "far too large"),
        ({"window": float("nan")}, "no number"),
        ({"highest": 10**400}, "far too large"),
        ({"hop": 0.0}, "hop of 0.0 s"),
        ({"hop": 1e-4}, "hop of 0.0001 s"),
        ({"hop": 1.0}, "hop of 1.0 s"),
        ({"mels": 10**9}, "1000000000 mel filters"),
        ({"mels": 1025, "window": 1.0}, "1025 mel filters"),
        ({"highest": 9000.0}, "20.0 to 9000.0 Hz at a rate of 16000 Hz"),
        ({"lowest": 8000.0}, "from 8000.0"),
        ({"kind": "plp"}, "kind 'plp': there are log-mel and mfcc"),
        ({"kind": "mfcc", "coefficients": 41}, "41 coefficients of 40"),
        ({"deltas": 3}, "deltas are 0 to 2"),
    ],
)
def test_settings_that_cannot_be(change: dict[str, object], message: str) -> None:
    with pytest.raises(SeqtoolError, match=message):
        checked_settings(FeatureSettings()._replace(**change))  # type: ignore[arg-type]


# --- normalisation ----------------------------------------------------------------------------


def test_normalised() -> None:
    frames = sound(600).reshape(100, 6) * 3 + 5
    frames[:, 2] = 7
    found = normalised(frames)
    assert found.dtype == np.float32
    moving = [0, 1, 3, 4, 5]
    np.testing.assert_allclose(found.mean(axis=0, dtype=float), 0, atol=1e-6)
    np.testing.assert_allclose(found[:, moving].std(axis=0, dtype=float), 1, atol=1e-6)
    assert not found[:, 2].any()
    assert normalised(frames[:0]).shape == (0, 6)


@pytest.mark.kernel
def test_running_normalisation() -> None:
    frames = sound(90).reshape(30, 3) * 3 + 5
    frames[:, 1] = 7
    found = RunningNormaliser(3, horizon=10).push(frames)
    for column in range(3):
        wanted = plain.running_normalised(frames[:, column].tolist(), 10, 1e-3)
        np.testing.assert_allclose(found[:, column], wanted, rtol=1e-5, atol=1e-5)
    stream = RunningNormaliser(3, horizon=10)
    parts = [stream.push(frames[a:b]) for a, b in ((0, 1), (1, 1), (1, 9), (9, 30))]
    assert np.array_equal(np.concatenate(parts), found)
