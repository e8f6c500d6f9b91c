"""Examples to train on: recordings as frames, changed at random in every epoch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seqtool.audio.augment import (
    add_noise,
    change_speed,
    coloured_noise,
    fitted,
    gain,
    microphone,
    room_echo,
    spec_augment,
)
from seqtool.nn.parameters import Floats
from seqtool.nn.types import Ids, Lengths
from seqtool_transcribe.alphabet import Alphabet
from seqtool_transcribe.drawing import Augmentation, Drawn, draw_examples
from seqtool_transcribe.front_end import FrontEnd, frames_of, hear
from seqtool_transcribe.recordings import Recordings, Sound, as_samples

_NOISY = 0.8  # share of examples with noise, if it is asked for
_ECHOING = 0.3  # share of examples in a room
_FAINT = (35.0, 60.0)  # decibels of speech over what is heard in pauses
_STILL = 0.25  # share of examples whose pauses are digital silence
_LEVELS = (-70.0, -20.0)  # decibels below full scale of noise in which nothing is said


class KeptSource:
    """A `seqtool.nn.frame_batches.FrameSource` whose examples are the same in every epoch.

    Args:
        frames: float32 (frames, size) of each example.
        labels: int32 (labels,) of each.
        texts: of each.
        spec_augment: whether stretches of them are hidden, as the seed decides.
        seed: of what is drawn.
    """

    def __init__(
        self,
        frames: Sequence[Floats],
        labels: Sequence[Ids],
        texts: Sequence[str],
        spec_augment: bool = False,
        seed: int = 1,
    ) -> None:
        self.frames, self.texts = frames, texts
        self._labels = labels
        self._spec_augment, self._seed = spec_augment, seed
        self._epoch = 0

    def start_epoch(self, epoch: int) -> Lengths:
        """How many frames each example has."""
        self._epoch = epoch
        return np.array([len(frames) for frames in self.frames], np.int64)

    def features(self, number: int) -> Floats:
        """The frames of an example."""
        frames = self.frames[number]
        if self._spec_augment:
            frames = spec_augment(frames, _random(self._seed, self._epoch, number))
        return frames

    def labels(self, number: int) -> Ids:
        """What is said in an example, int32 (labels,)."""
        return self._labels[number]


class DrawnSource:
    """A `seqtool.nn.frame_batches.FrameSource` of new examples in every epoch.

    What an example is follows from seed, epoch and number alone.

    Args:
        recordings: with their labels.
        alphabet: for the labels of texts that are joined.
        front_end: how sound becomes frames.
        augmentation: how examples are made.
        noises: recordings of noise.
        seed: of what is drawn.
    """

    def __init__(
        self,
        recordings: Recordings,
        alphabet: Alphabet,
        front_end: FrontEnd,
        augmentation: Augmentation,
        noises: Sequence[Sound] = (),
        seed: int = 1,
    ) -> None:
        self._recordings, self._alphabet = recordings, alphabet
        self._front_end, self._augmentation = front_end, augmentation
        self._noises = [noise for noise in noises if len(noise)]
        self._seed, self._epoch = seed, 0
        self._drawn: list[Drawn] = []

    def start_epoch(self, epoch: int) -> Lengths:
        """Draw the examples of an epoch; returns how many frames each has."""
        self._epoch = epoch
        self._drawn = draw_examples(
            [len(sound) for sound in self._recordings.sounds],
            [clip.speaker for clip in self._recordings.clips],
            self._augmentation,
            self._front_end.features.rate,
            _random(self._seed, epoch),
        )
        return np.array([frames_of(each.samples, self._front_end) for each in self._drawn])

    def features(self, number: int) -> Floats:
        """The frames of an example, float32 (frames, size)."""
        random = _random(self._seed, self._epoch, number)
        frames = hear(self._sound(number, random), self._front_end)
        return spec_augment(frames, random) if self._augmentation.spec_augment else frames

    def text(self, number: int) -> str:
        """What is said in an example."""
        clips = self._recordings.clips
        return " ".join(filter(None, (clips[clip].text for clip in self._drawn[number].clips)))

    def labels(self, number: int) -> Ids:
        """What is said in an example, int32 (labels,)."""
        clips = self._drawn[number].clips
        if len(clips) == 1:
            return self._recordings.labels[clips[0]]
        return self._alphabet.encode([self.text(number)])[0]

    def sound(self, number: int) -> Floats:
        """The samples of an example, float32 (samples,)."""
        return self._sound(number, _random(self._seed, self._epoch, number))

    def kept(self) -> KeptSource:
        """The examples of the first epoch, to be looked at again and again."""
        numbers = range(len(self.start_epoch(0)))
        return KeptSource(
            [self.features(number) for number in numbers],
            [self.labels(number) for number in numbers],
            [self.text(number) for number in numbers],
        )

    def _sound(self, number: int, random: np.random.Generator) -> Floats:
        drawn = self._drawn[number]
        if not drawn.clips:
            return self._nothing_said(drawn.samples, random)
        samples = self._joined(drawn)
        augmentation = self._augmentation
        if augmentation.echo:
            samples = microphone(samples, random)
            if random.random() < _ECHOING:
                samples = room_echo(samples, self._front_end.features.rate, random)
        if augmentation.snr and random.random() < _NOISY:
            decibels = random.uniform(*augmentation.snr)
            return add_noise(samples, self._noise(len(samples), random), decibels, random)
        if augmentation.join and random.random() >= _STILL:
            faint = coloured_noise(len(samples), random)
            return add_noise(samples, faint, random.uniform(*_FAINT), random)
        return samples

    def _joined(self, drawn: Drawn) -> Floats:
        """Recordings at their speeds, with silence between."""
        samples = np.zeros(drawn.samples, np.float32)
        place = 0
        for pause, clip, speed, length in zip(
            drawn.pauses, drawn.clips, drawn.speeds, drawn.lengths, strict=False
        ):
            place += pause
            part = as_samples(self._recordings.sounds[clip])
            if speed != 1.0:
                part = fitted(change_speed(part, speed), length)
            samples[place : place + length] = part
            place += length
        return samples

    def _nothing_said(self, count: int, random: np.random.Generator) -> Floats:
        if random.random() < _STILL:
            return np.zeros(count, np.float32)
        noise = self._noise(count, random)
        loud = np.sqrt(np.square(noise, dtype=np.float64).mean())
        wanted = random.uniform(*_LEVELS)
        return gain(noise, wanted - 20 * np.log10(loud)) if loud > 0 else noise

    def _noise(self, count: int, random: np.random.Generator) -> Floats:
        """Noise float32 (count,): a stretch of a recording of it, or made."""
        if not self._noises:
            return coloured_noise(count, random)
        noise = self._noises[int(random.integers(len(self._noises)))]
        start = int(random.integers(len(noise)))
        return as_samples(np.take(noise, np.arange(start, start + count), mode="wrap"))


def _random(*seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def make_source(
    recordings: Recordings,
    alphabet: Alphabet,
    front_end: FrontEnd,
    augmentation: Augmentation,
    noises: Sequence[Sound] = (),
    seed: int = 1,
) -> DrawnSource | KeptSource:
    """The examples to train on: frames that are kept as long as nothing changes the sound."""
    if augmentation.of_sound:
        return DrawnSource(recordings, alphabet, front_end, augmentation, noises, seed)
    return KeptSource(
        [hear(as_samples(sound), front_end) for sound in recordings.sounds],
        recordings.labels,
        [clip.text for clip in recordings.clips],
        augmentation.spec_augment,
        seed,
    )
