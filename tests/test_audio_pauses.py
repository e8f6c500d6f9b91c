"""Long sound in pieces."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from seqtool.audio.pauses import Piece, cut_at_pauses

Singles = npt.NDArray[np.float32]

RATE = 4000


class Shape(NamedTuple):
    """A piece without its samples."""

    start: float
    seconds: float
    silent: bool


def speech(seconds: float, level: float = 0.1, seed: int = 1) -> Singles:
    """Noise that swells about three times a second, so that it has quiet places."""
    count = round(seconds * RATE)
    swell = 0.02 + np.abs(np.sin(np.arange(count) * 10 / RATE))
    noise = np.random.default_rng(seed).normal(0, level, count)
    return (noise * swell).astype(np.float32)


def silence(seconds: float, level: float = 0.0) -> Singles:
    """Zeros, or noise."""
    count = round(seconds * RATE)
    return np.random.default_rng(9).normal(0, level, count).astype(np.float32)


def cut(samples: Singles, longest: float = 10.0, block: int = 333) -> list[Piece]:
    """The pieces; together they are the samples."""
    blocks = (samples[k : k + block] for k in range(0, len(samples), block))
    pieces = list(cut_at_pauses(blocks, RATE, longest))
    start = 0
    for piece in pieces:
        assert piece.start_seconds == start / RATE
        assert 0 < len(piece.samples) <= longest * RATE + RATE // 100
        start += len(piece.samples)
    joined = np.concatenate([samples[:0], *(piece.samples for piece in pieces)])
    assert np.array_equal(joined, samples)
    return pieces


def shapes(pieces: list[Piece]) -> list[Shape]:
    """Where they are, rounded."""
    return [
        Shape(round(p.start_seconds, 1), round(len(p.samples) / RATE, 1), p.silent) for p in pieces
    ]


def test_long_pauses_are_pieces_of_their_own() -> None:
    parts = [silence(3), speech(2), silence(0.6), speech(2), silence(2.5), speech(1)]
    assert shapes(cut(np.concatenate(parts))) == [
        (0.0, 2.8, True), (2.8, 5.1, False), (7.8, 2.0, True), (9.8, 1.2, False),
    ]  # fmt: skip


def test_what_is_short_stays_whole() -> None:
    assert shapes(cut(speech(9.9))) == [(0.0, 9.9, False)]
    assert shapes(cut(np.concatenate([silence(0.9), speech(1), silence(0.9)]))) == [
        (0.0, 2.8, False)
    ]


def test_cuts_are_in_the_quietest_place() -> None:
    parts = [speech(7), silence(0.2, 1e-3), speech(12, seed=2)]
    first, second, *_ = cut(np.concatenate(parts))
    assert 7.0 < second.start_seconds < 7.2
    assert not first.silent


@pytest.mark.parametrize(
    ("samples", "silent"),
    [
        (silence(3), True),
        (silence(3) + np.float32(0.3), True),  # an offset
        (silence(3, 3e-4), True),
        (silence(3, 3e-3), False),
        (silence(0.0003), True),  # one sample
        (silence(12), True),
        (np.sin(np.arange(9000) * 0.3).astype(np.float32), False),
        (speech(2, 2e-3), False),
    ],
)
def test_what_counts_as_silence(samples: Singles, silent: bool) -> None:
    assert {piece.silent for piece in cut(samples)} == {silent}


def test_silence_is_relative_to_what_was_loud() -> None:
    """Noise 50 dB below speech is silence behind it; before it, nothing is known yet."""
    hiss = silence(3, 1e-3)
    found = shapes(cut(np.concatenate([hiss, speech(3, 0.6), hiss, silence(60), hiss]), 100.0))
    assert [shape.silent for shape in found] == [False, True, False]
    assert found[1].start == pytest.approx(6.2, abs=0.1)


def test_no_samples_no_pieces() -> None:
    assert cut(silence(0)) == []


@given(
    st.lists(st.tuples(st.booleans(), st.integers(1, 25)), min_size=1, max_size=6),
    st.sampled_from([1.0, 2.0, 5.0]),
    st.integers(1, 5000),
)
@effort(max_examples=50, deadline=None)
def test_blocks_make_no_difference(
    parts: list[tuple[bool, int]], longest: float, block: int
) -> None:
    samples = np.concatenate(
        [speech(n / 10) if loud else silence(n / 10, 1e-5) for loud, n in parts]
    )
    if block < 40:
        samples = samples[: 100 * block]
    one, many = cut(samples, longest, len(samples)), cut(samples, longest, block)
    assert [piece[0::2] for piece in one] == [piece[0::2] for piece in many]


def test_pieces_come_before_the_end() -> None:
    """Speech comes out a second after it ends; what is held does not grow."""

    given_out = 0

    def endless() -> Iterator[Singles]:
        nonlocal given_out
        while True:
            for block in (speech(1), silence(1), silence(1)):
                given_out += len(block)
                yield block

    pieces = cut_at_pauses(endless(), RATE, 10.0)
    taken = 0
    for _ in range(40):
        taken += len(next(pieces).samples)
        assert given_out - taken <= 3 * RATE
