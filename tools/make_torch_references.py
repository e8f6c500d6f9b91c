"""Store what PyTorch computes for layers, losses, optimisers and recurrent stacks.

    python tools/make_torch_references.py

Writes tests/data/torch_references.npz in double precision: arrays named CASE/NAME, where weights
have PyTorch's own names and layout and the gradient of NAME is CASE/grad.NAME. The gradients are
those of the sum of the outputs times CASE/factors, or of the loss. Needs PyTorch, the tests do not.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

TARGET = Path(__file__).parents[1] / "tests/data/torch_references.npz"
STEPS, BATCH, INPUTS, HIDDEN = 5, 3, 2, 4
LENGTHS = [5, 3, 1]
CLASSES = 7

Arrays = dict[str, Any]


def random_tensor(*shape: int) -> torch.Tensor:
    """Normal numbers that want a gradient."""
    return torch.randn(*shape, requires_grad=True)


def store(arrays: Arrays, case: str, tensors: Iterable[tuple[str, torch.Tensor]]) -> None:
    """Keep tensors, and their gradients if they have any."""
    for name, tensor in tensors:
        arrays[f"{case}/{name}"] = tensor.detach().numpy().copy()
        if tensor.is_leaf and tensor.grad is not None:
            arrays[f"{case}/grad.{name}"] = tensor.grad.numpy().copy()


def store_module(
    arrays: Arrays, case: str, module: nn.Module, inputs: torch.Tensor, outputs: torch.Tensor
) -> None:
    """Run the backward pass and keep everything."""
    factors = torch.randn(*outputs.shape)
    (outputs * factors).sum().backward()
    found = [("inputs", inputs), ("outputs", outputs), ("factors", factors)]
    store(arrays, case, [*found, *module.named_parameters()])


def layers(arrays: Arrays) -> None:
    """Embedding, dense, layer normalisation."""
    ids = torch.tensor([[1, 4, 1], [0, 2, 1]])
    embedding = nn.Embedding(5, INPUTS)
    store_module(arrays, "embedding", embedding, ids, embedding(ids))
    for case, module in [("dense", nn.Linear(HIDDEN, INPUTS)), ("normalise", nn.LayerNorm(HIDDEN))]:
        for weight in module.parameters():
            nn.init.normal_(weight)
        inputs = random_tensor(STEPS, BATCH, HIDDEN)
        store_module(arrays, case, module, inputs, module(inputs))


def losses(arrays: Arrays) -> None:
    """Cross-entropy with padding, label smoothing and weights of the targets."""
    targets = torch.randint(CLASSES, (STEPS, BATCH))
    inside = torch.arange(STEPS)[:, None] < torch.tensor(LENGTHS)
    weights = torch.rand(STEPS, BATCH) + 0.5
    for case, smoothing in [("loss", 0.0), ("smooth_loss", 0.1)]:
        logits = random_tensor(STEPS, BATCH, CLASSES)
        each = nn.functional.cross_entropy(
            logits.reshape(-1, CLASSES),
            targets.reshape(-1),
            reduction="none",
            label_smoothing=smoothing,
        )
        loss = (each.reshape(STEPS, BATCH) * weights * inside).sum()
        loss.backward()
        found = [("logits", logits), ("targets", targets), ("weights", weights), ("loss", loss)]
        store(arrays, case, found)


def poolings(arrays: Arrays) -> None:
    """Mean, maximum, last state and attention over the steps before the lengths."""
    lengths = torch.tensor(LENGTHS)
    inside = (torch.arange(STEPS)[:, None] < lengths)[:, :, None]
    project = nn.Linear(HIDDEN, HIDDEN)
    project.query = nn.Parameter(torch.randn(HIDDEN))
    for case in ("mean", "max", "last", "attention"):
        states = random_tensor(STEPS, BATCH, HIDDEN)
        if case == "mean":
            outputs = (states * inside).sum(0) / lengths[:, None]
        elif case == "max":
            outputs = states.masked_fill(~inside, -torch.inf).max(0).values
        elif case == "last":
            outputs = states[lengths - 1, torch.arange(BATCH)]
        else:
            scores = (torch.tanh(project(states)) @ project.query)[:, :, None]
            weights = torch.softmax(scores.masked_fill(~inside, -torch.inf), 0)
            outputs = (weights * states).sum(0)
        store_module(arrays, case, project if case == "attention" else nn.Module(), states, outputs)


def optimisers(arrays: Arrays) -> None:
    """Weights after each of four steps with given gradients, clipped by norm or not."""
    for case, make in [
        ("sgd", lambda weights: torch.optim.SGD(weights, lr=0.1, momentum=0.9)),
        ("adagrad", lambda weights: torch.optim.Adagrad(weights, lr=0.1)),
        ("adam", lambda weights: torch.optim.Adam(weights, lr=0.1)),
        ("adamw", lambda weights: torch.optim.AdamW(weights, lr=0.1, weight_decay=0.2)),
    ]:
        weight = random_tensor(HIDDEN, INPUTS)
        steps = [weight.detach().clone()]
        gradients = torch.randn(4, HIDDEN, INPUTS)
        optimiser = make([weight])
        for gradient in gradients:
            weight.grad = gradient.clone()
            nn.utils.clip_grad_norm_([weight], 4.0)
            optimiser.step()
            steps.append(weight.detach().clone())
        store(arrays, case, [("gradients", gradients), ("steps", torch.stack(steps))])


def stacks(arrays: Arrays) -> None:
    """Two bidirectional layers of each cell over full rows, and over rows of several lengths.

    ``outputs`` (time, batch, 2 hidden) are 0 behind a row's length; ``h0``, ``c0``, ``hn`` and
    ``cn`` are (layers x directions, batch, hidden), forward first. Gradients are those of the sum
    of outputs, hn and cn, each times ``factors``, ``hn_factors`` or ``cn_factors``.
    """
    options: dict[str, Any] = {"num_layers": 2, "bidirectional": True}
    for cell, module in [
        ("lstm", nn.LSTM(INPUTS, HIDDEN, **options)),
        ("gru", nn.GRU(INPUTS, HIDDEN, **options)),
        ("rnn_tanh", nn.RNN(INPUTS, HIDDEN, nonlinearity="tanh", **options)),
        ("rnn_relu", nn.RNN(INPUTS, HIDDEN, nonlinearity="relu", **options)),
    ]:
        for case, lengths in [(cell, [STEPS] * BATCH), (f"{cell}_lengths", LENGTHS)]:
            module.zero_grad()
            inputs = random_tensor(STEPS, BATCH, INPUTS)
            states = [random_tensor(4, BATCH, HIDDEN) for _ in range(2 if cell == "lstm" else 1)]
            packed = nn.utils.rnn.pack_padded_sequence(inputs, torch.tensor(lengths))
            packed, last = module(packed, tuple(states) if cell == "lstm" else states[0])
            outputs, _ = nn.utils.rnn.pad_packed_sequence(packed)
            named = [("", outputs)]
            named += zip(("hn_", "cn_"), last if cell == "lstm" else [last], strict=False)
            factors = [(f"{name}factors", torch.randn(*part.shape)) for name, part in named]
            torch.stack(
                [
                    (part * factor).sum()
                    for (_, part), (_, factor) in zip(named, factors, strict=True)
                ]
            ).sum().backward()
            store(arrays, case, [("inputs", inputs), ("outputs", outputs), *factors])
            store(arrays, case, [(name.strip("_"), part) for name, part in named[1:]])
            store(arrays, case, zip(("h0", "c0"), states, strict=False))
            store(arrays, case, module.named_parameters())
            arrays[f"{case}/lengths"] = np.array(lengths)


def main() -> None:
    """Compute and write everything."""
    torch.manual_seed(1)
    torch.set_default_dtype(torch.float64)
    arrays: Arrays = {}
    for make in (layers, losses, poolings, optimisers, stacks):
        make(arrays)
    arrays["lengths"] = np.array(LENGTHS)
    TARGET.parent.mkdir(exist_ok=True)
    np.savez_compressed(TARGET, **arrays)
    print(f"{TARGET}: {len(arrays)} arrays, {TARGET.stat().st_size:,} bytes, torch", end=" ")
    print(torch.__version__)


if __name__ == "__main__":
    main()
