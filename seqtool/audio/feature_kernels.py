"""The loops of the features. A frame's numbers depend on its samples alone, not on its place."""

from __future__ import annotations

from typing import Any

import numpy as np

from seqtool.audio.types import Floats, Indices
from seqtool.kernels import kernel

_ZERO = np.float32(0)


@kernel("void(f4[::1], i8, i8, f4[::1], f4, i8, f4[::1])")
def windowed_frames(
    samples: Floats, hop: int, width: int, window: Floats, emphasis: float, fft_size: int,
    output: Floats,
) -> None:  # fmt: skip
    """Rows of ``fft_size``: ``width`` samples of a frame, emphasised and windowed, then zeros.

    ``samples`` begins with the one before the first frame.
    """
    for frame in range(len(output) // fft_size):
        now = samples[1 + frame * hop : 1 + frame * hop + width]
        before = samples[frame * hop : frame * hop + width]
        row = output[frame * fft_size : (frame + 1) * fft_size]
        for k in range(width):
            row[k] = (now[k] - emphasis * before[k]) * window[k]
        for k in range(width, fft_size):
            row[k] = _ZERO


@kernel("void(f4[::1], i8, i8[::1], i8[::1], f4[::1], f4, f4[::1], f4[::1])", relaxed=True)
def mel_energies(
    spectrum: Floats, bins: int, starts: Indices, offsets: Indices, weights: Floats, floor: float,
    power: Floats, output: Floats,
) -> None:  # fmt: skip
    """Power of each row of ``bins`` complex numbers through the filters, at least ``floor``.

    ``spectrum`` holds real and imaginary parts in turns; ``power`` is scratch of ``bins``.
    """
    filters = len(starts)
    for frame in range(len(output) // filters):
        row = spectrum[2 * bins * frame : 2 * bins * (frame + 1)]
        for k in range(bins):
            power[k] = row[2 * k] * row[2 * k] + row[2 * k + 1] * row[2 * k + 1]
        for f in range(filters):
            own = weights[offsets[f] : offsets[f + 1]]
            part = power[starts[f] : starts[f] + offsets[f + 1] - offsets[f]]
            total: Any = _ZERO
            for k in range(len(own)):
                total += own[k] * part[k]
            output[frame * filters + f] = total if total > floor else floor


@kernel("void(f4[::1], i8, f4[::1], i8, f4[::1])", relaxed=True)
def transformed_rows(rows: Floats, size: int, matrix: Floats, outputs: int, output: Floats) -> None:
    """Each row of ``size`` times the transposed matrix (outputs, size)."""
    for row in range(len(rows) // size):
        x = rows[row * size : (row + 1) * size]
        for j in range(outputs):
            w = matrix[j * size : (j + 1) * size]
            total: Any = _ZERO
            for k in range(size):
                total += x[k] * w[k]
            output[row * outputs + j] = total
