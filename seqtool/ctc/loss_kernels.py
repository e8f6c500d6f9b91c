"""The CTC loss and its gradient by forward and backward sums over paths, in log space.

The lattice of a row has a state for each label and one for each blank before, between and behind
labels (Graves et al. 2006, section 4.1). Both kinds are kept apart, so that a step is two loops
over neighbours: ``marks[j]`` is label j, ``blanks[j]`` the blank before it. Each kind has a
``size``, one more than the labels and a multiple of LANES, and loops run over all of it: states
behind the last are never reached. A frame of log-probabilities is LANES numbers (what is before
the first label), marks, blanks, and LANES numbers behind them; float64, as float32 would lose the
small differences of large numbers.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from seqtool.decode.types import Floats, Ints
from seqtool.kernels import helper, kernel
from seqtool.kernels.elementary import exp, log1p, single

NEVER = -1e30  # the logarithm of no probability; sums of it stay finite in float32, too
LANES = 8  # float64 in the widest register
_FAR = -69.0
_ZERO = np.float32(0)


@helper
def padded_size(labels: int) -> int:
    """How many marks, and how many blanks, a row is given."""
    return (labels + LANES) // LANES * LANES


@helper
def frame_width(size: int) -> int:
    """Numbers in a frame of the lattice."""
    return 2 * (size + LANES)


@helper
def power(x: float) -> Any:
    """e^x, but at least 1e-30: a step with a number below 1e-38 takes 100 cycles."""
    x = _FAR if x < _FAR else x
    return exp(single(x))


@helper
def log_add(a: float, b: float) -> Any:
    """The logarithm of e^a + e^b."""
    most = a if a > b else b
    least = b if a > b else a
    return most + log1p(power(least - most))


@helper
def log_add_3(a: float, b: float, c: float) -> Any:
    """The logarithm of e^a + e^b + e^c."""
    near = a if a > b else b
    least = b if a > b else a
    most = near if near > c else c
    middle = c if near > c else near
    return most + log1p(power(least - most) + power(middle - most))


@helper
def log_total(row: Floats, symbols: int) -> float:
    """The logarithm of the sum of e to the logits of a row."""
    most = row[0]
    for k in range(symbols):
        most = row[k] if row[k] > most else most
    total = exp(row[0] - most)
    for k in range(1, symbols):
        total += exp(row[k] - most)
    return float(np.float64(most) + math.log(np.float64(total)))


@helper
def emissions(row: Floats, norm: float, labels: Ints, count: int, out: Floats) -> None:
    """``out[0]`` = log-probability of the blank, ``out[j + 1]`` = that of label j."""
    blank = np.float64(row[0]) - norm
    out[0] = NEVER if blank < NEVER else blank
    for j in range(count):
        spoken = np.float64(row[labels[j]]) - norm
        out[j + 1] = NEVER if spoken < NEVER else spoken


@helper
def forget(frame: Floats, width: int) -> None:
    """No state is reached."""
    for j in range(width):
        frame[j] = NEVER


@helper
def forward_step(before: Floats, emitted: Floats, skips: Floats, size: int, frame: Floats) -> None:
    """The sums of paths up to a frame from those up to the frame before it.

    ``skips[j]`` is 0 where label j may follow label j - 1 without a blank, or else NEVER.
    """
    marks, behind = before[LANES : LANES + size], before[LANES - 1 : LANES + size]
    blanks = before[LANES + size : LANES + 2 * size]
    new_marks, new_blanks = frame[LANES : LANES + size], frame[LANES + size : LANES + 2 * size]
    blank = emitted[0]
    for j in range(size):
        new_blanks[j] = log_add(blanks[j], behind[j]) + blank
    spoken = emitted[1:]
    for j in range(size):
        new_marks[j] = log_add_3(marks[j], blanks[j], behind[j] + skips[j]) + spoken[j]
    frame[LANES - 1] = NEVER


@helper
def backward_step(after: Floats, emitted: Floats, skips: Floats, size: int, frame: Floats) -> None:
    """The sums of paths behind a frame from those behind the next one, ``after``.

    ``emitted`` are log-probabilities in the next frame, to which ``after`` is added in place.
    """
    marks, blanks = after[LANES : LANES + size + 1], after[LANES + size : LANES + 2 * size + 1]
    new_marks, new_blanks = frame[LANES : LANES + size], frame[LANES + size : LANES + 2 * size]
    blank = emitted[0]
    spoken = emitted[1:]
    for j in range(size):
        blanks[j] += blank
        marks[j] += spoken[j]
    for j in range(size):
        new_blanks[j] = log_add(blanks[j], marks[j])
    for j in range(size):
        new_marks[j] = log_add_3(marks[j], blanks[j + 1], marks[j + 1] + skips[j + 1])


@helper
def write_gradient(
    row: Floats, symbols: int, norm: float, labels: Ints, count: int, size: int, alphas: Floats,
    betas: Floats, loss: float, scale: float, shares: Floats,
) -> None:  # fmt: skip
    """Turn the logits of a frame into the gradient (Graves et al. 2006, equation 16).

    The shares of states in all paths are made to sum to 1, which takes rounding away.
    """
    for k in range(symbols):
        row[k] = power(np.float64(row[k]) - norm) * scale
    for j in range(2 * size):
        shares[j] = power(alphas[LANES + j] + betas[LANES + j] + loss)
    blank = shares[size]
    for j in range(size + 1, 2 * size):
        blank += shares[j]
    total = blank
    for j in range(size):
        total += shares[j]
    factor = scale / total
    row[0] -= blank * factor
    for j in range(count):
        row[labels[j]] -= shares[j] * factor


@helper
def clear(logits: Floats, rows: int, symbols: int, row: int, first: int, end: int) -> None:
    """Frames of a row become 0."""
    for t in range(first, end):
        part = logits[(t * rows + row) * symbols : (t * rows + row + 1) * symbols]
        for k in range(symbols):
            part[k] = _ZERO


@helper
def frames_of_path(labels: Ints, count: int) -> int:
    """The fewest frames that a path through labels takes: equal neighbours need a blank."""
    frames = count
    for j in range(1, count):
        frames += 1 if labels[j] == labels[j - 1] else 0
    return frames


@helper
def backward_row(
    logits: Floats, rows: int, symbols: int, row: int, frames: int, labels: Ints, count: int,
    size: int, scale: float, norms: Floats, emitted: Floats, alphas: Floats, betas: Floats,
    skips: Floats, shares: Floats, loss: float,
) -> None:  # fmt: skip
    """The sums of paths from the last frame to the first, and the gradient of each frame."""
    width = frame_width(size)
    forget(betas, 2 * width)
    betas[LANES + size + count] = 0.0
    betas[LANES + count - 1] = 0.0
    here = 0
    for back in range(frames):
        t = frames - 1 - back
        part = logits[(t * rows + row) * symbols : (t * rows + row + 1) * symbols]
        now = betas[here : here + width]
        # The gradient takes the place of the logits, so what is emitted is read before it.
        emissions(part, norms[t], labels, count, emitted)
        write_gradient(
            part, symbols, norms[t], labels, count, size, alphas[t * width : (t + 1) * width], now,
            loss, scale, shares,
        )  # fmt: skip
        here = width - here
        backward_step(now, emitted, skips, size, betas[here : here + width])


@helper
def forward_row(
    logits: Floats, rows: int, symbols: int, row: int, frames: int, labels: Ints, count: int,
    size: int, norms: Floats, emitted: Floats, alphas: Floats, skips: Floats,
) -> float:  # fmt: skip
    """The sums of paths from the first frame to the last; returns the sum of all of them."""
    width = frame_width(size)
    for t in range(frames):
        part = logits[(t * rows + row) * symbols : (t * rows + row + 1) * symbols]
        norms[t] = log_total(part, symbols)
        emissions(part, norms[t], labels, count, emitted)
        now = alphas[t * width : (t + 1) * width]
        if t > 0:
            forward_step(alphas[(t - 1) * width : t * width], emitted, skips, size, now)
            continue
        forget(now, width)
        now[LANES + size] = emitted[0]
        if count > 0:
            now[LANES] = emitted[1]
    last = alphas[(frames - 1) * width : frames * width]
    return float(log_add(last[LANES + size + count], last[LANES + count - 1]))


@helper
def prepare(labels: Ints, count: int, size: int, skips: Floats, emitted: Floats) -> None:
    """Which labels may follow each other without a blank; nothing is emitted behind the last."""
    for j in range(size + 1):
        apart = 0 < j < count and labels[j] != labels[j - 1]
        skips[j] = 0.0 if apart else NEVER
    for j in range(count, size):
        emitted[j + 1] = NEVER


@kernel(
    "void(f4[::1], i8, i8, i8[::1], i4[::1], i8[::1], i8, f4, f8[::1], f8[::1], f8[::1], f8[::1],"
    " f8[::1], f4[::1], f8[::1])",
    relaxed=True,
)
def ctc_losses(
    logits: Floats, rows: int, symbols: int, lengths: Ints, labels: Ints, label_lengths: Ints,
    training: int, scale: float, norms: Floats, emitted: Floats, alphas: Floats, betas: Floats,
    skips: Floats, shares: Floats, losses: Floats,
) -> None:  # fmt: skip
    """Write the loss (nats) of every row; with ``training`` logits become its gradient.

    Logits are (time, rows, symbols) and the gradient is multiplied with ``scale``. The labels of
    a row, those of the row before in front of them, are ``label_lengths`` numbers of ``labels``.
    Loss and gradient are 0 for a row too short for its labels; the loss is infinite and the
    gradient 0 where the logits allow no path. Scratch, for rows of ``size`` at most (see above)
    and frames of ``width`` = 2 (size + LANES): ``norms`` (time,), ``emitted`` (size + 1,),
    ``alphas`` (time, width), ``betas`` (2 width,), ``skips`` (size + 1,), ``shares`` (2 size,).
    """
    time = len(logits) // (rows * symbols)
    first = 0
    for row in range(rows):
        frames, count = lengths[row], label_lengths[row]
        wanted = labels[first : first + count]
        first += count
        losses[row] = 0
        kept = 0
        if frames > 0 and frames >= frames_of_path(wanted, count):
            size = padded_size(count)
            prepare(wanted, count, size, skips, emitted)
            total = forward_row(
                logits, rows, symbols, row, frames, wanted, count, size, norms, emitted, alphas,
                skips,
            )  # fmt: skip
            kept = 0 if total < NEVER / 2 else frames
            losses[row] = -total if kept else math.inf
            if training and kept:
                backward_row(
                    logits, rows, symbols, row, frames, wanted, count, size, scale, norms, emitted,
                    alphas, betas, skips, shares, -total,
                )  # fmt: skip
        if training:
            clear(logits, rows, symbols, row, kept, time)
