"""Finds stretches of a stream: the probability of a 1 at every step."""

from __future__ import annotations

from typing import Any

import numpy as np

from seqtool.nn.acoustic import AcousticModel, AcousticSettings
from seqtool.nn.losses import BinaryCrossEntropy, sigmoid
from seqtool.nn.parameters import Floats, Parameters
from seqtool.nn.types import Shard
from seqtool.nn.workspace import Workspace


class FrameDetector:
    """A causal `AcousticModel` with one score a step; a `seqtool.nn.types.Model`.

    Targets are 0 or 1 for each step of `AcousticModel.steps`.
    """

    def __init__(
        self, settings: AcousticSettings, dtype: type[np.floating[Any]] = np.float32
    ) -> None:
        if not settings.causal or settings.symbols != 1:
            raise ValueError("a detector is causal and has one score")
        self.settings = settings
        self.parameters = Parameters()
        self.acoustic = AcousticModel("acoustic", self.parameters, settings)
        self.cost = BinaryCrossEntropy("loss")
        self.parameters.allocate(dtype)

    def initialise(self, seed: int) -> None:
        """Fill the weights."""
        self.acoustic.initialise(np.random.default_rng(seed))

    def loss(self, work: Workspace, shard: Shard) -> float:
        """The summed loss (nats) of a shard, and in training its gradients."""
        assert shard.features is not None
        assert shard.source_lengths is not None
        assert shard.lengths is not None
        logits = self.acoustic.logits(work, shard.features, shard.source_lengths)
        scores = logits[:, :, 0]
        loss = self.cost.forward(work, scores, shard.targets, shard.lengths, shard.weights)
        if work.training:
            self.acoustic.backward(work, logits)
        return loss


class DetectorStream:
    """Hears a stream piece by piece.

    What comes out does not depend on how the stream is cut, bit for bit. The detector's weights
    must not change meanwhile.
    """

    def __init__(self, detector: FrameDetector) -> None:
        self._acoustic = detector.acoustic
        self._work = Workspace(detector.parameters, training=False)
        self._work.constant = True
        self._heard = self._acoustic.silence()
        self._waiting: Floats = np.zeros((0, detector.settings.features), np.float32)

    def push(self, features: Floats) -> Floats:
        """The probabilities, float32 (steps,), of the steps that frames (frames, size) complete."""
        waiting = np.concatenate([self._waiting, features]) if len(self._waiting) else features
        whole = len(waiting) // self._acoustic.reduction * self._acoustic.reduction
        self._waiting = waiting[whole:].copy()
        if not whole:
            return np.zeros(0, np.float32)
        logits, self._heard = self._acoustic.go_on(self._work, waiting[:whole], self._heard)
        return sigmoid(logits[:, 0].copy())
