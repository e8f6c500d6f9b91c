"""Changing recordings: what is promised about loudness, length and seeds."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from seqtool.audio.augment import (
    add_noise,
    change_speed,
    coloured_noise,
    gain,
    power,
    room_echo,
    shift,
    spec_augment,
)

Singles = npt.NDArray[np.float32]


def sound(count: int, seed: int = 1) -> Singles:
    """Noise."""
    return np.random.default_rng(seed).normal(0, 0.1, count).astype(np.float32)


def seeded(seed: int = 5) -> np.random.Generator:
    """A generator."""
    return np.random.default_rng(seed)


@pytest.mark.parametrize(
    "change",
    [
        lambda random: add_noise(sound(3000), sound(9000, 2), 5, random),
        lambda random: coloured_noise(3000, random),
        lambda random: room_echo(sound(3000), 8000, random),
        lambda random: spec_augment(sound(3000).reshape(100, 30), random),
    ],
)
def test_the_seed_decides(change: Callable[[np.random.Generator], Singles]) -> None:
    first, again, other = change(seeded()), change(seeded()), change(seeded(6))
    assert first.dtype == np.float32
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("snr", [-5.0, 0.0, 10.0, 20.0])
@pytest.mark.parametrize("length", [700, 8000, 30000])
def test_noise_has_the_power_asked_for(snr: float, length: int) -> None:
    """Whether it is cut or repeated."""
    speech = sound(8000)
    noisy = add_noise(speech, sound(length, 2) * np.float32(7), snr, seeded())
    found = 10 * np.log10(power(speech) / power(noisy - speech))
    assert found == pytest.approx(snr, abs=0.01)


def test_noise_comes_from_anywhere() -> None:
    noise = np.arange(1, 1001, dtype=np.float32)
    starts = {
        int(np.argmin(np.abs(noise - first)))
        for first in (
            float((stretch / (stretch[1] - stretch[0]))[0])
            for stretch in (
                add_noise(np.full(10, 1e-3, np.float32), noise, -60, seeded(s)) for s in range(30)
            )
        )
    }
    assert len(starts) > 20


@pytest.mark.parametrize(
    ("speech", "noise"),
    [(sound(50), np.zeros(90, np.float32)), (np.zeros(50, np.float32), sound(90)),
     (sound(50), sound(0)), (sound(0), sound(50))],
)  # fmt: skip
def test_noise_where_there_is_nothing(speech: Singles, noise: Singles) -> None:
    found = add_noise(speech, noise, 10, seeded())
    assert np.array_equal(found, speech)
    assert found is not speech


def test_gain() -> None:
    np.testing.assert_allclose(gain(sound(50), 20), sound(50) * 10, rtol=1e-6)
    assert 10 * np.log10(power(gain(sound(50), -6)) / power(sound(50))) == pytest.approx(-6)


@pytest.mark.parametrize("count", [0, 2, -2, 5, -9])
def test_shift(count: int) -> None:
    samples = np.arange(1, 6, dtype=np.float32)
    wanted = [
        samples[k - count] if 0 <= k - count < len(samples) else 0 for k in range(len(samples))
    ]
    assert shift(samples, count).tolist() == wanted


@pytest.mark.parametrize("factor", [0.8, 0.95, 1.0, 1.1, 2.0])
def test_speed_changes_length_and_pitch(factor: float) -> None:
    tone = np.sin(2 * np.pi * 500 * np.arange(8000) / 8000).astype(np.float32)
    found = change_speed(tone, factor)
    assert len(found) == pytest.approx(8000 / factor, abs=1)
    middle = found[1000:-1000].astype(float) * np.hanning(len(found) - 2000)
    spectrum = np.abs(np.fft.rfft(middle))
    loudest = np.argmax(spectrum) * 8000 / len(middle)
    assert loudest == pytest.approx(500 * factor, abs=2)
    assert len(change_speed(tone[:0], factor)) == 0


@pytest.mark.parametrize("exponent", [0.0, 1.0, 2.0])
def test_coloured_noise(exponent: float) -> None:
    noise = coloured_noise(1 << 16, seeded(), exponent)
    assert power(noise) == pytest.approx(1, rel=1e-5)
    spectrum = np.abs(np.fft.rfft(noise)) ** 2
    low, high = spectrum[256:512].mean(), spectrum[8192:16384].mean()
    assert np.log2(low / high) / 5 == pytest.approx(exponent, abs=0.1)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 1000])
def test_noise_of_any_length(count: int) -> None:
    assert np.isfinite(coloured_noise(count, seeded())).all()
    assert len(coloured_noise(count, seeded())) == count


def test_an_echo_follows_what_is_heard() -> None:
    click = np.zeros(16000, np.float32)
    click[3000] = 1
    heard = room_echo(click, 16000, seeded())
    assert heard.shape == click.shape
    assert power(heard) == pytest.approx(power(click), rel=1e-4)
    assert np.abs(heard[:3000]).max() < 1e-6
    assert np.argmax(np.abs(heard)) == 3000
    early, late = power(heard[3001:4000]), power(heard[11000:12000])
    assert early > 100 * late
    assert early > 0


def test_an_echo_is_a_convolution() -> None:
    """In blocks, and with the same room, as the samples scaled and moved."""
    samples = sound(40000)
    rooms = [room_echo(part, 1000, seeded()) for part in (samples, shift(samples, 500))]
    moved = shift(rooms[0], 500)[500:]
    scale = float(np.dot(moved, rooms[1][500:]) / np.dot(moved, moved))
    np.testing.assert_allclose(rooms[1][500:], moved * scale, atol=1e-5)
    assert not room_echo(np.zeros(10, np.float32), 1000, seeded()).any()


def test_spec_augment() -> None:
    frames = sound(200 * 40).reshape(200, 40)
    before = frames.copy()
    stretches, bands = [], []
    for seed in range(200):
        hidden = spec_augment(frames, seeded(seed), time_masks=1, frequency_masks=1)
        changed = hidden != frames
        stretches.append(int(changed.all(axis=1).sum()))
        bands.append(int(changed.all(axis=0).sum()))
        mean = np.broadcast_to(frames.mean(axis=0, dtype=float).astype(np.float32), frames.shape)
        assert np.array_equal(hidden[changed], mean[changed])
    assert np.array_equal(frames, before)
    assert (min(stretches), max(stretches)) == (0, 15)
    assert (min(bands), max(bands)) == (0, 10)


@pytest.mark.parametrize("frames", [0, 1, 4])
def test_spec_augment_of_hardly_any_frames(frames: int) -> None:
    """A fifth of less than five frames is none."""
    features = sound(frames * 3).reshape(frames, 3)
    assert np.array_equal(spec_augment(features, seeded(), frequency_masks=0), features)
