"""The negative log-probability of label strings, summed over all ways to say them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seqtool.ctc.loss_kernels import ctc_losses, frame_width, frames_of_path, padded_size
from seqtool.ctc.types import BLANK
from seqtool.nn.parameters import Floats
from seqtool.nn.types import Ids, Lengths
from seqtool.nn.workspace import Workspace


def frames_needed(labels: Ids | Sequence[int]) -> int:
    """The fewest frames in which labels can be said: one each, and a blank between equal ones."""
    return frames_of_path(np.asarray(labels), len(labels))


class CtcLoss:
    """Connectionist temporal classification under a softmax over symbols.

    Graves et al. 2006, "Connectionist temporal classification: labelling unsegmented sequence
    data with recurrent neural networks". Symbol 0 is the blank.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def forward(
        self, work: Workspace, logits: Floats, lengths: Lengths, labels: Ids, label_lengths: Lengths
    ) -> float:
        """The sum of the rows' losses (nats); in training logits become their gradient.

        The gradient is multiplied with ``work.scale``; outside of training logits stay as they
        are. Loss and gradient are 0 for a row without frames or with too few for its labels,
        and the gradient is 0 behind a row's end. The loss is infinite, its gradient 0, where the
        logits (minus infinity) forbid the labels.

        Args:
            work: memory; ``work.training`` asks for the gradient.
            logits: (time, rows, symbols), contiguous.
            lengths: int64 (rows,), frames of each row.
            labels: (label time, rows), from 1 to symbols - 1; anything behind a row's end.
            label_lengths: int64 (rows,), labels of each row.

        Raises IndexError for a label that is no symbol.
        """
        return float(self.losses(work, logits, lengths, labels, label_lengths).sum())

    def losses(
        self, work: Workspace, logits: Floats, lengths: Lengths, labels: Ids, label_lengths: Lengths
    ) -> Floats:
        """The loss of each row, float64 (rows,); as `forward` in all else."""
        if not logits.flags.c_contiguous:
            raise ValueError("logits are overwritten, so they must be contiguous")
        time, rows, symbols = logits.shape
        if len(lengths) != rows or len(label_lengths) != rows or labels.shape[1:] != (rows,):
            raise ValueError(f"{self.name}: lengths or labels are not of {rows} rows")
        if rows and (lengths.max() > time or label_lengths.max() > len(labels)):
            raise ValueError(f"{self.name}: a row is longer than its frames or labels")
        inside = np.arange(len(labels)) < label_lengths[:, None]
        wanted = labels.T[inside].astype(np.int32)
        if wanted.size and not (wanted.min() > BLANK and wanted.max() < symbols):
            raise IndexError(f"{self.name}: labels are not all from 1 to {symbols - 1}")
        frames = int(lengths.max(initial=0))
        size = padded_size(int(label_lengths.max(initial=0)))
        losses = np.empty(rows)
        ctc_losses(
            logits.reshape(-1), rows, symbols, np.ascontiguousarray(lengths, np.int64), wanted,
            np.ascontiguousarray(label_lengths, np.int64), int(work.training),
            np.float64(work.scale), work.buffer(f"{self.name}/norms", (frames,), np.float64),
            work.buffer(f"{self.name}/emitted", (size + 1,), np.float64),
            work.buffer(f"{self.name}/alphas", (frames * frame_width(size),), np.float64),
            work.buffer(f"{self.name}/betas", (2 * frame_width(size),), np.float64),
            work.buffer(f"{self.name}/skips", (size + 1,), np.float64),
            work.buffer(f"{self.name}/shares", (2 * size,)), losses,
        )  # fmt: skip
        return losses
