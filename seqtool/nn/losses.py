"""What training makes small."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seqtool.nn.loss_kernels import LANES, softmax_losses
from seqtool.nn.parameters import Floats
from seqtool.nn.types import Ids, Lengths
from seqtool.nn.workspace import Workspace


class CrossEntropy:
    """The negative log-probability (nats) of targets under a softmax over the last axis.

    With ``smoothing`` e, training aims at probability 1 - e + e / classes (Szegedy et al. 2016,
    section 7); outside of training the loss has none, so that it can be compared.
    """

    def __init__(self, name: str, smoothing: float = 0.0) -> None:
        if not 0 <= smoothing < 1:
            raise ValueError(f"label smoothing of {smoothing} is not at least 0 and below 1")
        self.name = name
        self.smoothing = smoothing

    def forward(
        self,
        work: Workspace,
        logits: Floats,
        targets: Ids,
        lengths: Lengths | None = None,
        weights: Floats | None = None,
        bias: Floats | None = None,
    ) -> float:
        """The sum of the losses; ``logits`` become their gradient, or else probabilities.

        Shapes: logits (time, batch, classes) and targets (time, batch) with the ``lengths``
        (batch,) of the rows that count; or (batch, classes) and (batch,). ``weights``, of the
        shape of ``targets``, multiply the losses; ``bias`` (classes,) is added to the logits. In
        training the gradient, multiplied with ``work.scale``, takes the place of the logits;
        otherwise their softmax does. Rows that do not count become 0. Raises IndexError for a
        wrong target.
        """
        return float(self._losses(work, logits, targets, lengths, weights, bias).sum())

    def log_probabilities(
        self,
        work: Workspace,
        logits: Floats,
        targets: Ids,
        lengths: Lengths | None = None,
        bias: Floats | None = None,
    ) -> NDArray[np.float64]:
        """The log-probability (nats) of each target, shape of ``targets``; 0 for padding.

        For a workspace that is not for training; ``logits`` become probabilities.
        """
        return -self._losses(work, logits, targets, lengths, None, bias).reshape(targets.shape)

    def _losses(
        self,
        work: Workspace,
        logits: Floats,
        targets: Ids,
        lengths: Lengths | None,
        weights: Floats | None,
        bias: Floats | None,
    ) -> NDArray[np.float64]:
        classes = logits.shape[-1]
        if not logits.flags.c_contiguous:
            raise ValueError("logits are overwritten, so they must be contiguous")
        steps = len(targets) if targets.ndim == 2 else 1
        if lengths is None:
            lengths = np.full(targets.shape[-1], steps, np.int64)
        wanted = targets.reshape(steps, -1)[np.arange(steps)[:, None] < lengths]
        if wanted.size and not (wanted.min() >= 0 and wanted.max() < classes):
            raise IndexError(f"{self.name}: targets are not all from 0 to {classes - 1}")
        losses = work.buffer(f"{self.name}/losses", (targets.size,), np.float64)
        each = np.zeros(0) if weights is None else weights.ravel()
        softmax_losses(
            logits.reshape(-1),
            classes,
            logits.reshape(-1)[:0] if bias is None else bias,
            targets.astype(np.int32, copy=False).ravel(),
            lengths,
            each.astype(work.dtype, copy=False),
            np.float64(self.smoothing if work.training else 0),
            np.float64(work.scale),
            int(work.training),
            work.buffer(f"{self.name}/lanes", (LANES,)),
            losses,
        )
        return losses


class BinaryCrossEntropy:
    """The negative log-probability (nats) of targets 0 or 1 under the sigmoid of one score."""

    def __init__(self, name: str) -> None:
        self.name = name

    def forward(
        self,
        work: Workspace,
        logits: Floats,
        targets: Ids,
        lengths: Lengths,
        weights: Floats | None = None,
    ) -> float:
        """The sum of the losses; ``logits`` (time, rows) become their gradient, or probabilities.

        ``targets`` and ``weights``, which multiply the losses, are of the same shape; of a row
        there are as many that count as ``lengths`` (rows,) says. In training the gradient,
        multiplied with ``work.scale``, takes the place of the logits, otherwise the probability
        of a 1 does. What does not count becomes 0.
        """
        counts = np.arange(len(logits))[:, np.newaxis] < lengths
        share = counts.astype(work.dtype) if weights is None else np.where(counts, weights, 0)
        probabilities = sigmoid(logits)
        losses = np.logaddexp(0, np.where(targets > 0, -logits, logits)) * share
        if work.training:
            np.multiply(probabilities - targets, share * work.scale, out=logits)
        else:
            np.multiply(probabilities, counts, out=logits)
        return float(losses.sum(dtype=np.float64))


def sigmoid(logits: Floats) -> Floats:
    """1 / (1 + exp(-logits)), without overflow."""
    small = np.exp(-np.abs(logits))
    result: Floats = np.where(logits < 0, small, logits.dtype.type(1)) / (1 + small)
    return result
