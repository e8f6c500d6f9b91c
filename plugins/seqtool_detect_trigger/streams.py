"""Streams to train on: background, triggers and other sounds, laid over it at random places.

What a stream is follows from seed, epoch and number alone, so that training can go on anywhere.
After the streams of Ng, "Sequence models", trigger word detection.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seqtool.audio.augment import (
    change_speed,
    coloured_noise,
    fitted,
    gain,
    room_echo,
    spec_augment,
)
from seqtool.audio.features import FeatureSettings, features, frame_count
from seqtool.nn.frame_batches import FrameBatches
from seqtool.nn.parameters import Floats
from seqtool.nn.types import Ids, Lengths, Shard
from seqtool_detect_trigger.clips import RATE, Clip, level

_LOUDNESS = (-40.0, -14.0)  # dB of full scale: the middle of a stream's pieces
_APART = 6.0  # dB between a piece and the middle
_TRIGGERS = 3  # in a stream at most
_FILLED = 0.9  # share of a stream that other sounds take at most
_QUIET = 0.2  # chance of a stream with almost no background
_SILENT = 0.05  # chance of one with none at all
_QUIET_SNR = (30.0, 50.0)  # dB
_NOISE_LEVEL = -20.0  # dB of full scale, before it is made as loud as it should be
_ECHO = 0.2  # chance of a piece to stand in a room
_PART = 0.3  # chance of a stream to hold a part of a trigger
_CHANGED = 0.7  # chance of a piece to change its speed
_SPEED = 0.1  # how much faster or slower triggers become at most
_OTHER_SPEED = 0.25  # and other sounds: there are too few speakers
_HIDDEN = 0.5  # chance of a stream in training to have bands of frequency hidden
_WIDEST = 0.15  # share of the bands that are hidden together
_LONGEST_NEGATIVE = 4.0  # seconds of a long clip that come into a stream
_HARD = 0.5  # share of negative pieces that are what the model took for a trigger
_EARLY = 0.12  # seconds before a trigger's end in which no answer is wrong
_LATE = 0.04  # seconds behind it
_FADE = RATE // 100  # samples over which a cut comes in and goes out


class Place(NamedTuple):
    """Where a model took a negative clip for a trigger; more ``weight`` is drawn more often."""

    clip: int
    sample: int
    weight: float


class Material(NamedTuple):
    """What streams are made of."""

    triggers: Sequence[Clip]
    negatives: Sequence[Clip]
    noises: Sequence[Clip]


class StreamSettings(NamedTuple):
    """How streams are made.

    Attributes:
        streams: of an epoch.
        seconds: length of each.
        snr: the least and the most dB that pieces stand above the background.
        label: seconds behind a trigger's end that are labelled 1.
        reduction: frames of an output step.
        hiding: whether bands of frequency are hidden in some streams.
    """

    streams: int
    seconds: float
    snr: tuple[float, float]
    label: float
    reduction: int
    hiding: bool = False


class Piece(NamedTuple):
    """What is laid into a stream: a stretch of a clip, changed.

    ``offset`` is where it begins in the stream, ``length`` how many samples it has there, both of
    which already know the ``speed``; ``gain`` is in dB. ``end`` is where the trigger ends in
    the stream, None for what is none.
    """

    clip: Clip
    start: int
    stop: int
    speed: float
    gain: float
    echo: bool
    length: int
    offset: int = 0
    end: int | None = None


class Plan(NamedTuple):
    """A stream before it is rendered; ``background`` is the level of its noise, None for none."""

    pieces: list[Piece]
    background: float | None
    seed: int


class StreamSource:
    """Streams for `seqtool.nn.frame_batches.FrameBatches`.

    Args:
        material: clips.
        settings: of the streams.
        feature_settings: of the frames.
        seed: decides all.

    Attributes:
        mean, scale: float32 (size,): frames are (frame - mean) * scale.
        find_hard: tells, at the begin of an epoch but the first, what the model takes for
            triggers; its result follows from the epoch and the state of the training.
    """

    def __init__(
        self,
        material: Material,
        settings: StreamSettings,
        feature_settings: FeatureSettings,
        seed: int,
    ) -> None:
        self.material, self.settings, self.feature_settings = material, settings, feature_settings
        self.mean: Floats = np.zeros(feature_settings.size, np.float32)
        self.scale: Floats = np.ones(feature_settings.size, np.float32)
        self.find_hard: Callable[[int], Sequence[Place]] | None = None
        self._hard: Sequence[Place] = ()
        self._seed = seed
        self._samples = round(settings.seconds * RATE)
        self._plans: list[Plan] = []
        # A clip is drawn as often as it is long.
        self._bounds = np.cumsum([len(clip.samples) for clip in material.negatives])

    def start_epoch(self, epoch: int) -> Lengths:
        """Plan the streams of an epoch; returns how many frames each has."""
        if epoch and self.find_hard:
            self._hard = self.find_hard(epoch)
        self._plans = [
            self.plan(np.random.default_rng((self._seed, epoch, number)))
            for number in range(self.settings.streams)
        ]
        frames = frame_count(self._samples, self.feature_settings)
        return np.full(self.settings.streams, frames, np.int64)

    def features(self, number: int) -> Floats:
        """The frames of a stream, float32 (frames, size)."""
        plan = self._plans[number]
        frames = features(self.render(plan), self.feature_settings)
        random = np.random.default_rng((plan.seed, 1))
        if self.settings.hiding and random.random() < _HIDDEN:
            frames = spec_augment(frames, random, time_masks=0, widest=_WIDEST)
        return (frames - self.mean) * self.scale

    def labels(self, number: int) -> Ids:
        """1 for the steps behind a trigger's end, else 0; int32 (steps,)."""
        settings, heard = self.settings, self._heard()
        labels = np.zeros(len(heard), np.int32)
        for piece in self._plans[number].pieces:
            if piece.end is not None:
                labels[(heard >= piece.end) & (heard < piece.end + settings.label * RATE)] = 1
        return labels

    def weights(self, number: int) -> Floats:
        """0 for the steps around a trigger's end, else 1; float32 (steps,).

        Where exactly a trigger ends is uncertain, and a model may tell as soon as it knows.
        """
        heard = self._heard()
        weights = np.ones(len(heard), np.float32)
        for piece in self._plans[number].pieces:
            if piece.end is not None:
                before, after = piece.end - _EARLY * RATE, piece.end + _LATE * RATE
                weights[(heard >= before) & (heard < after)] = 0
        return weights

    def _heard(self) -> Floats:
        """How many samples each step has heard."""
        shape = self.feature_settings
        frames = frame_count(self._samples, shape)
        reduction = self.settings.reduction
        last = np.arange(1, -(-frames // reduction) + 1) * reduction - 1
        return (last * shape.hop + shape.window) * RATE

    # --- planning ---------------------------------------------------------------------------------

    def plan(self, random: np.random.Generator) -> Plan:
        """Draw what is in a stream, and where."""
        middle = random.uniform(*_LOUDNESS)
        chosen = [self._trigger(random, middle) for _ in range(int(random.integers(_TRIGGERS + 1)))]
        if random.random() < _PART:
            chosen.append(self._part(random, middle))
        left = random.uniform(0, _FILLED) * self._samples
        while left > 0:
            chosen.append(self._negative(random, middle))
            left -= chosen[-1].length
        kind = random.random()
        if kind < _SILENT:
            background = None
        else:
            snr = _QUIET_SNR if kind < _SILENT + _QUIET else self.settings.snr
            background = middle - random.uniform(*snr)
        pieces = self._laid_out(chosen, random)
        return Plan(pieces, background, int(random.integers(1 << 32)))

    def _laid_out(self, chosen: list[Piece], random: np.random.Generator) -> list[Piece]:
        """Pieces in a random order at random places, without overlap; what has no room is left."""
        fitting: list[Piece] = []
        left = self._samples
        for piece in chosen:
            if piece.length <= left:
                fitting.append(piece)
                left -= piece.length
        kept = [fitting[number] for number in random.permutation(len(fitting))]
        gaps = np.diff(np.sort(random.integers(0, left + 1, len(kept))), prepend=0)
        placed, at = [], 0
        for piece, gap in zip(kept, gaps.tolist(), strict=True):
            at += gap
            end = None if piece.end is None else at + piece.end
            placed.append(piece._replace(offset=at, end=end))
            at += piece.length
        return placed

    def _piece(
        self,
        random: np.random.Generator,
        clip: Clip,
        start: int,
        stop: int,
        middle: float,
        spread: float = _OTHER_SPEED,
    ) -> Piece:
        speed = 1.0
        if random.random() < _CHANGED:
            speed = float(random.uniform(1 - spread, 1 + spread))
        wanted = middle + random.uniform(-_APART, _APART)
        louder = wanted - clip.level
        length = max(1, round((stop - start) / speed))
        return Piece(clip, start, stop, speed, louder, bool(random.random() < _ECHO), length)

    def _trigger(self, random: np.random.Generator, middle: float) -> Piece:
        """A trigger, with some of what is around it in its clip; ``end`` counts from its begin."""
        clip = self.material.triggers[int(random.integers(len(self.material.triggers)))]
        start = int(random.integers(max(0, clip.start - RATE // 2), clip.start + 1))
        stop = int(random.integers(clip.end, min(len(clip.samples), clip.end + RATE // 2) + 1))
        piece = self._piece(random, clip, start, stop, middle, _SPEED)
        return piece._replace(end=round((clip.end - start) / piece.speed))

    def _part(self, random: np.random.Generator, middle: float) -> Piece:
        """The first or the last part of a trigger, which is none."""
        clip = self.material.triggers[int(random.integers(len(self.material.triggers)))]
        cut = round((clip.end - clip.start) * random.uniform(0.3, 0.6))
        if random.random() < 0.5:
            return self._piece(random, clip, clip.start, clip.start + cut, middle)
        return self._piece(random, clip, clip.end - cut, clip.end, middle)

    def _negative(self, random: np.random.Generator, middle: float) -> Piece:
        """Another sound: where the model was wrong, or anywhere."""
        clips = self.material.negatives
        longest = int(_LONGEST_NEGATIVE * RATE)
        if self._hard and random.random() < _HARD:
            weights = np.array([place.weight for place in self._hard])
            place = self._hard[int(random.choice(len(self._hard), p=weights / weights.sum()))]
            clip = clips[place.clip]
            stop = min(len(clip.samples), place.sample + int(random.integers(RATE)))
            start = max(0, stop - int(random.integers(longest // 2, longest)))
            return self._piece(random, clip, start, stop, middle)
        place = random.random() * self._bounds[-1]
        clip = clips[int(np.searchsorted(self._bounds, place, "right"))]
        length = min(len(clip.samples), longest)
        start = int(random.integers(len(clip.samples) - length + 1))
        return self._piece(random, clip, start, start + length, middle)

    # --- rendering --------------------------------------------------------------------------------

    def render(self, plan: Plan) -> Floats:
        """The samples of a stream."""
        random = np.random.default_rng(plan.seed)
        if plan.background is None:
            samples: Floats = np.zeros(self._samples, np.float32)
        else:
            noise = background(self.material.noises, self._samples, random)
            samples = gain(noise, plan.background - level(noise))
        for piece in plan.pieces:
            samples[piece.offset : piece.offset + piece.length] += sound_of(piece, random)
        return np.clip(samples, -1, 1, out=samples)


def sound_of(piece: Piece, random: np.random.Generator) -> Floats:
    """The samples of a piece, changed as it says; cuts are faded."""
    samples = piece.clip.samples[piece.start : piece.stop]
    if piece.speed != 1:
        samples = fitted(change_speed(samples, piece.speed), piece.length)
    if piece.echo:
        samples = room_echo(samples, RATE, random)
    samples = gain(samples, piece.gain)
    ramp = np.linspace(0, 1, min(_FADE, len(samples)), dtype=np.float32)
    if len(ramp):
        samples[: len(ramp)] *= ramp
        samples[-len(ramp) :] *= ramp[::-1]
    return samples


def background(noises: Sequence[Clip], count: int, random: np.random.Generator) -> Floats:
    """``count`` samples of noise: clips from a random place on, or coloured noise without clips.

    All clips are made equally loud, where something is to be heard in them.
    """
    if not noises:
        return coloured_noise(count, random)
    parts: list[Floats] = []
    left = count
    while left > 0:
        clip = noises[int(random.integers(len(noises)))]
        start = int(random.integers(len(clip.samples))) if not parts else 0
        part = clip.samples[start : start + left]
        parts.append(gain(part, _NOISE_LEVEL - clip.level))
        left -= len(part)
    return np.concatenate(parts)


class WeightedBatches(FrameBatches):
    """Batches of the streams of a source, with the weights of their steps."""

    def __init__(self, source: StreamSource, rows: int, seed: int, threads: int) -> None:
        super().__init__(source, rows, seed, threads=threads)
        self._streams = source

    def shard(self, examples: NDArray[np.int64]) -> Shard:
        """Streams, by their numbers, side by side."""
        weights = [self._streams.weights(int(number)) for number in examples]
        return super().shard(examples)._replace(weights=np.stack(weights, axis=1))
