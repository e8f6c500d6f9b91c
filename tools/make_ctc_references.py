"""Store what PyTorch computes for the CTC loss.

    python tools/make_ctc_references.py

Writes tests/data/ctc_references.npz in double precision: arrays named CASE/NAME. Gradients are
those of the sum of the losses to the logits. Needs PyTorch, the tests do not.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch

TARGET = Path(__file__).parents[1] / "tests/data/ctc_references.npz"
ROWS, SYMBOLS = 4, 7
# Frames, labels at most, and how far logits are spread.
CASES = {"plain": (25, 8, 1.0), "long": (120, 40, 2.0), "sharp": (60, 20, 40.0)}


def main() -> None:
    """Compute and write."""
    torch.manual_seed(1)
    random = np.random.default_rng(1)
    arrays = {}
    for case, (time, most, spread) in CASES.items():
        logits = (torch.randn(time, ROWS, SYMBOLS, dtype=torch.float64) * spread).requires_grad_()
        labels = random.integers(1, SYMBOLS, (ROWS, most))
        labels[1] = 3  # needs a blank between all
        label_lengths = np.array([most, most // 3, 0, most - 1])
        lengths = np.array([time, time - 3, time - 1, time])
        losses: Any = torch.nn.functional.ctc_loss(
            logits.log_softmax(-1),
            torch.from_numpy(labels),
            torch.from_numpy(lengths),
            torch.from_numpy(label_lengths),
            reduction="none",
        )
        losses.sum().backward()
        assert torch.isfinite(losses).all()
        assert logits.grad is not None
        found = {
            "logits": logits.detach().numpy(), "gradient": logits.grad.numpy(), "labels": labels.T,
            "lengths": lengths, "label_lengths": label_lengths, "losses": losses.detach().numpy(),
        }  # fmt: skip
        arrays.update({f"{case}/{name}": array for name, array in found.items()})
    np.savez_compressed(TARGET, **arrays)


if __name__ == "__main__":
    main()
