"""`--plot`: the wave of a recording, its log-mel frames, and the symbols' probabilities."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from seqtool.audio.features import features
from seqtool.audio.pauses import Piece
from seqtool.audio.raw import RawFormat
from seqtool.audio.reading import audio_blocks
from seqtool.nn.parameters import Floats
from seqtool.pictures import import_extra, open_figure, picture_format
from seqtool_transcribe.align import hear_pieces
from seqtool_transcribe.pieces import cut, words_in
from seqtool_transcribe.recogniser import Recogniser
from seqtool_transcribe.words import Word

FORMATS = ("png", "svg")
LONGEST = 60.0  # seconds that are drawn
_INCHES_A_SECOND = 1.0
_WIDTH = (6.0, 30.0)  # inches, at least and at most
_HEIGHT = 6.0  # inches
_SYMBOLS = 12  # curves at most: those of the most probable symbols
_LEAST = 0.2  # probability that a symbol with a curve reaches somewhere
_COLUMNS = 3000  # of the wave: its highest and lowest samples


def check_plot(path: str) -> str:
    """The format of a picture: "png" or "svg", as the ending of its file says.

    Raises click.UsageError for another ending and SeqtoolError where matplotlib is missing.
    """
    format = picture_format(path, FORMATS)
    import_extra("matplotlib")
    return format


def write_plot(path: str, recogniser: Recogniser, file: str, raw: RawFormat | None) -> None:
    """Draw the first minute of a recording; probabilities of symbols only where CTC was learned.

    Raises click.UsageError and SeqtoolError.
    """
    format = check_plot(path)
    loaded = recogniser.loaded
    samples = _first(audio_blocks(file, loaded.rate, raw), int(LONGEST * loaded.rate))
    pieces = list(cut([samples] if len(samples) else [], loaded.rate))
    by_steps = loaded.model.settings.loss != "attention"
    words = [word for piece in pieces for word in _words(recogniser, piece, by_steps)]
    seconds = len(samples) / loaded.rate
    width = float(np.clip(seconds * _INCHES_A_SECOND, *_WIDTH))
    with open_figure(path, format, (width, _HEIGHT), bbox_inches="tight") as figure:
        heights = (1, 2, 2) if by_steps else (1, 2)
        wave, mel, *symbols = figure.subplots(
            len(heights), 1, sharex=True, gridspec_kw={"height_ratios": heights, "hspace": 0.12}
        )
        _draw_wave(wave, samples, loaded.rate, words)
        frames = features(samples, loaded.front_end.features)
        if len(frames):
            end = len(frames) * loaded.front_end.features.hop_samples / loaded.rate
            mel.imshow(
                frames.T, origin="lower", aspect="auto", interpolation="nearest", cmap="magma",
                extent=(0, end, 0, frames.shape[1]),
            )  # fmt: skip
        mel.set_ylabel("log-mel band")
        for axes in symbols:
            heard = hear_pieces(recogniser, pieces)
            _draw_symbols(axes, heard.times[:-1], heard.log_probs, loaded.alphabet.texts)
        lowest = [wave, mel, *symbols][-1]
        lowest.set_xlim(0, max(seconds, 1e-3))
        lowest.set_xlabel("seconds")


def _words(recogniser: Recogniser, piece: Piece, by_steps: bool) -> list[Word]:
    """The words of a piece; all in one where they have no times of their own."""
    words = words_in(recogniser, piece)
    if by_steps or not words:
        return words
    return [words[0]._replace(text=" ".join(word.text for word in words))]


def _first(blocks: Iterator[Floats], count: int) -> Floats:
    """The first samples of a recording."""
    parts, taken = [np.zeros(0, np.float32)], 0
    for block in blocks:
        parts.append(block)
        taken += len(block)
        if taken >= count:
            break
    return np.concatenate(parts)[:count]


def _draw_wave(axes: Any, samples: Floats, rate: int, words: Sequence[Word]) -> None:
    """The wave's outline, with the words above."""
    step = max(1, len(samples) // _COLUMNS)
    whole = samples[: len(samples) // step * step].reshape(-1, step)
    times = np.arange(len(whole)) * step / rate
    axes.fill_between(
        times, whole.min(axis=1), whole.max(axis=1), color="#4477aa", linewidth=0.4, step="mid"
    )
    axes.set_ylabel("wave")
    top = float(np.abs(samples).max(initial=1e-3))
    axes.set_ylim(-top, 1.7 * top)
    for word in words:
        axes.axvspan(word.start, word.end, color="#ccbb44", alpha=0.3, linewidth=0)
        middle = (word.start + word.end) / 2
        axes.text(middle, 1.15 * top, word.text, ha="center", va="bottom", fontsize=9)


def _draw_symbols(axes: Any, times: Any, log_probs: Floats, texts: Sequence[str]) -> None:
    """A curve a symbol, the blank in grey."""
    axes.set_ylabel("probability")
    axes.set_ylim(0, 1.02)
    if not len(log_probs):
        return
    probabilities = np.exp(log_probs)
    axes.plot(times, probabilities[:, 0], color="#bbbbbb", linewidth=1, label="blank")
    highest = probabilities.max(axis=0)
    order = [number for number in np.argsort(-highest, kind="stable").tolist() if number]
    shown = [number for number in order if highest[number] >= _LEAST][:_SYMBOLS]
    for number in sorted(shown):
        name = texts[number].replace(" ", "␣") if texts[number].strip() == "" else texts[number]
        axes.plot(times, probabilities[:, number], linewidth=1.2, label=name.strip())
    axes.legend(loc="upper left", bbox_to_anchor=(1.005, 1), fontsize=8, frameon=False)
