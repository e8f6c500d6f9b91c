"""What the examples of an epoch are made of, drawn at random."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

Range = tuple[float, float]

SHORTEST_EMPTY, LONGEST_EMPTY = 0.3, 3.0  # seconds of an example in which nothing is said
_PAUSE = (0.03, 0.6)  # seconds between recordings that are joined
_EDGE = 0.5  # seconds before the first and behind the last at most
_ABRUPT = 0.5  # chance of none at all: a recording may begin and end in the middle of speech


class Augmentation(NamedTuple):
    """How examples are made of recordings.

    Attributes:
        join: so many recordings of a speaker, at least and at most, make an example.
        empty: share of the examples in which nothing is said.
        speed: how much faster a recording is played, at least and at most.
        snr: decibels of speech over noise, at least and at most.
        echo: whether some examples sound as in a room.
        spec_augment: whether stretches of time and bands of frequency are hidden.
    """

    join: tuple[int, int] | None = None
    empty: float = 0.0
    speed: Range | None = None
    snr: Range | None = None
    echo: bool = False
    spec_augment: bool = False

    @property
    def of_sound(self) -> bool:
        """Whether the sound itself changes from epoch to epoch."""
        return bool(self.join or self.empty or self.speed or self.snr or self.echo)


class Drawn(NamedTuple):
    """An example to be made.

    Attributes:
        clips: numbers of the recordings in it; none where nothing is said.
        speeds: of each.
        lengths: samples of each, at its speed.
        pauses: samples before each, and behind the last.
    """

    clips: list[int]
    speeds: list[float]
    lengths: list[int]
    pauses: list[int]

    @property
    def samples(self) -> int:
        """Of the whole."""
        return sum(self.lengths) + sum(self.pauses)


def draw_examples(
    samples: Sequence[int],
    speakers: Sequence[str],
    augmentation: Augmentation,
    rate: int,
    random: np.random.Generator,
) -> list[Drawn]:
    """The examples of an epoch: each recording is in one, or in about one if they are joined.

    ``samples`` and ``speakers`` are those of the recordings. How many examples there are is the
    same in every epoch.
    """
    groups = _groups(speakers, augmentation.join, random)
    drawn = []
    for clips in groups:
        speeds = _speeds(len(clips), augmentation.speed, random)
        lengths = [round(samples[clip] / speed) for clip, speed in zip(clips, speeds, strict=True)]
        pauses = [0] * (len(clips) + 1)
        if augmentation.join:
            edges = random.uniform(0, _EDGE, 2) * (random.random(2) >= _ABRUPT)
            between = random.uniform(*_PAUSE, len(clips) - 1)
            pauses = [int(rate * each) for each in (edges[0], *between, edges[1])]
        drawn.append(Drawn(clips, speeds, lengths, pauses))
    empty = round(len(drawn) * augmentation.empty / (1 - augmentation.empty))
    for seconds in random.uniform(SHORTEST_EMPTY, LONGEST_EMPTY, empty):
        drawn.append(Drawn([], [], [], [int(rate * seconds)]))
    return drawn


def _groups(
    speakers: Sequence[str], join: tuple[int, int] | None, random: np.random.Generator
) -> list[list[int]]:
    """Numbers of the recordings of each example, all of one speaker."""
    if join is None:
        return [[number] for number in range(len(speakers))]
    least, most = join
    of_speaker: dict[str, list[int]] = {}
    for number, speaker in enumerate(speakers):
        of_speaker.setdefault(speaker, []).append(number)
    decks: dict[str, list[int]] = {speaker: [] for speaker in of_speaker}
    groups = []
    for _ in range(max(1, round(2 * len(speakers) / (least + most)))):
        speaker = speakers[int(random.integers(len(speakers)))]
        deck = decks[speaker]
        group = []
        for _ in range(int(random.integers(least, most + 1))):
            if not deck:
                deck += random.permutation(of_speaker[speaker]).tolist()
            group.append(deck.pop())
        groups.append(group)
    return groups


def _speeds(count: int, speed: Range | None, random: np.random.Generator) -> list[float]:
    if speed is None:
        return [1.0] * count
    drawn: list[float] = random.uniform(*speed, count).tolist()
    return drawn
