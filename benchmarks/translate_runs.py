"""One measurement of translate.py, in a process of its own; prints a line of JSON.

    python translate_runs.py train seqtool|torch KIND HIDDEN FEEDING THREADS
    python translate_runs.py compare KIND HIDDEN FEEDING

``train``: target tokens a second of whole steps (forward, backward, clipping, Adam), the median of
steps on random tokens; KIND is that of the attention. ``compare``: by how much the losses of both
networks differ (nats a token), given the same weights.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
from recurrent_runs import median_rate

if TYPE_CHECKING:
    import torch
    from torch import nn

    from seqtool.nn.encoder_decoder import EncoderDecoder
    from seqtool.nn.types import Shard

VOCAB, EMBEDDING, ROWS, SOURCE_TIME, TIME = 6144, 256, 64, 15, 16


def make_model(kind: str, hidden: int, feeding: bool) -> EncoderDecoder:
    """One LSTM layer each, the encoder in both directions, one table for all tokens."""
    from seqtool.nn.encoder_decoder import EncoderDecoder, EncoderDecoderSettings

    settings = EncoderDecoderSettings(
        VOCAB, VOCAB, EMBEDDING, hidden, attention=kind, feeding=feeding, shared=True
    )
    model = EncoderDecoder(settings)
    model.initialise(1)
    return model


def random_ids(random: np.random.Generator, time: int, rows: int) -> Any:
    """Tokens (time, rows)."""
    return random.integers(0, VOCAB, (time, rows)).astype(np.int32)


def make_shard(random: np.random.Generator, rows: int) -> Shard:
    """Sentences of equal length."""
    from seqtool.nn.types import Shard

    return Shard(
        random_ids(random, TIME, rows), random_ids(random, TIME, rows), None, TIME * rows,
        source=random_ids(random, SOURCE_TIME, rows),
        source_lengths=np.full(rows, SOURCE_TIME, np.int64),
    )  # fmt: skip


def train_seqtool(kind: str, hidden: int, feeding: bool, threads: int) -> float:
    """As `seqtool translate train` does it."""
    from threadpoolctl import threadpool_limits

    from seqtool.nn.batches import cut_rows
    from seqtool.nn.optimisers import make_optimiser
    from seqtool.nn.shards import Shards

    model = make_model(kind, hidden, feeding)
    optimiser = make_optimiser("adam", model.parameters, clip_norm=1.0)
    shards = Shards(model, threads, training=True)
    random = np.random.default_rng(1)
    sizes = [rows.stop - rows.start for rows in cut_rows(ROWS)]

    def step() -> None:
        shards.loss([make_shard(random, rows) for rows in sizes], 1 / (TIME * ROWS), 1, 0)
        gradients = [work.flat_gradient for work in shards.works]
        optimiser.step(model.parameters, gradients, 1e-3, threads)

    with threadpool_limits(1, "blas"):
        return median_rate(step, TIME * ROWS)


def make_twin(kind: str, hidden: int, feeding: bool) -> nn.Module:
    """The same network by PyTorch, as its users write it."""
    import torch
    from torch import nn

    class Twin(nn.Module):
        """Luong et al. 2015; without feeding, all steps of the decoder go at once."""

        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(VOCAB, EMBEDDING)
            self.encoder = nn.LSTM(EMBEDDING, hidden // 2, bidirectional=True)
            self.bridges = nn.ModuleList([nn.Linear(hidden, hidden) for _ in range(2)])
            self.keys = nn.Linear(hidden, hidden, bias=kind == "additive")
            if kind == "additive":
                self.query = nn.Linear(hidden, hidden, bias=False)
                self.score = nn.Linear(hidden, 1, bias=False)
            if feeding:
                self.cell = nn.LSTMCell(2 * EMBEDDING, hidden)
            else:
                self.decoder = nn.LSTM(EMBEDDING, hidden)
            self.combine = nn.Linear(2 * hidden, EMBEDDING, bias=False)
            self.bias = nn.Parameter(torch.zeros(VOCAB))

        def look(self, states: torch.Tensor, keys: torch.Tensor, values: torch.Tensor) -> Any:
            """Outputs (rows, time, embedding) of states (rows, time, hidden)."""
            if kind == "additive":
                inner = torch.tanh(self.query(states)[:, :, None] + keys[:, None])
                scores = self.score(inner)[..., 0]
            else:
                scores = states @ keys.transpose(1, 2)
            contexts = torch.softmax(scores, 2) @ values
            return torch.tanh(self.combine(torch.cat([states, contexts], 2)))

        def forward(self, source: torch.Tensor, inputs: torch.Tensor) -> Any:
            """Logits (rows, time, vocabulary)."""
            values, finals = self.encoder(self.embedding(source))
            values = values.transpose(0, 1).contiguous()
            keys = values if kind == "dot" else self.keys(values)
            both = [torch.cat([part[0], part[1]], 1) for part in finals]
            state = tuple(
                torch.tanh(bridge(part)) for bridge, part in zip(self.bridges, both, strict=True)
            )
            embedded = self.embedding(inputs)
            if feeding:
                feed, outputs = torch.zeros(inputs.shape[1], EMBEDDING), []
                for vector in embedded:
                    state = self.cell(torch.cat([vector, feed], 1), state)
                    feed = self.look(state[0][:, None], keys, values)[:, 0]
                    outputs.append(feed)
                found = torch.stack(outputs, 1)
            else:
                states, _ = self.decoder(embedded, tuple(part[None] for part in state))
                found = self.look(states.transpose(0, 1), keys, values)
            return found @ self.embedding.weight.T + self.bias

    return Twin()


def twin_loss(twin: nn.Module, source: Any, inputs: Any, targets: Any) -> Any:
    """Mean loss of the twin."""
    from torch.nn import functional

    logits = twin(source, inputs)
    return functional.cross_entropy(logits.reshape(-1, VOCAB), targets.T.reshape(-1))


def train_torch(kind: str, hidden: int, feeding: bool, threads: int) -> float:
    """The same steps by PyTorch."""
    import torch
    from torch import nn

    torch.set_num_threads(threads)
    twin = make_twin(kind, hidden, feeding)
    optimiser = torch.optim.Adam(twin.parameters(), fused=True)

    def step() -> None:
        source = torch.randint(0, VOCAB, (SOURCE_TIME, ROWS))
        inputs, targets = torch.randint(0, VOCAB, (2, TIME, ROWS))
        loss = twin_loss(twin, source, inputs, targets)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(twin.parameters(), 1.0)
        optimiser.step()

    return median_rate(step, TIME * ROWS)


def torch_order(weight: Any, hidden: int) -> Any:
    """Gates i, f, o, g of columns -> i, f, g, o of rows."""
    i, f, o, g = (weight[..., k * hidden : (k + 1) * hidden] for k in range(4))
    return np.concatenate([i, f, g, o], axis=-1).T


def copy_weights(model: EncoderDecoder, twin: nn.Module, hidden: int, feeding: bool) -> None:
    """Give the twin our weights."""
    import torch

    ours = model.parameters
    found = {"embedding.weight": ours["source.table"], "bias": ours["output.bias"]}
    cells = [("encoder.0.forward", "encoder", "_l0", hidden // 2)]
    cells.append(("encoder.0.backward", "encoder", "_l0_reverse", hidden // 2))
    cells.append(("decoder.cells.0", *(("cell", "") if feeding else ("decoder", "_l0")), hidden))
    for name, module, ending, size in cells:
        for weight, theirs in (("input_weights", "ih"), ("recurrent_weights", "hh")):
            found[f"{module}.weight_{theirs}{ending}"] = torch_order(ours[f"{name}.{weight}"], size)
        found[f"{module}.bias_ih{ending}"] = torch_order(ours[f"{name}.bias"], size)
        found[f"{module}.bias_hh{ending}"] = np.zeros(4 * size)
    for part in range(2):
        found[f"bridges.{part}.weight"] = ours[f"bridge.0.{part}.weight"].T
        found[f"bridges.{part}.bias"] = ours[f"bridge.0.{part}.bias"]
    found["combine.weight"] = ours["decoder.combine"].T
    if "decoder.attention.keys.weight" in ours:
        found["keys.weight"] = ours["decoder.attention.keys.weight"].T
    if "decoder.attention.query" in ours:
        found["keys.bias"] = ours["decoder.attention.keys.bias"]
        found["query.weight"] = ours["decoder.attention.query"].T
        found["score.weight"] = ours["decoder.attention.score"][None]
    with torch.no_grad():
        for name, parameter in twin.named_parameters():
            if name in found:
                parameter.copy_(torch.from_numpy(np.ascontiguousarray(found[name])))


def difference(kind: str, hidden: int, feeding: bool) -> float:
    """Of the losses a token, with equal weights and inputs."""
    import torch

    from seqtool.nn.workspace import Workspace

    model, twin = make_model(kind, hidden, feeding), make_twin(kind, hidden, feeding)
    for weight in model.parameters.values():
        weight *= 3  # so that the losses are not those of chance
    copy_weights(model, twin, hidden, feeding)
    shard = make_shard(np.random.default_rng(2), ROWS)
    ours = model.loss(Workspace(model.parameters, training=False), shard) / shard.target_count
    given = [torch.from_numpy(ids).long() for ids in (shard.source, shard.inputs, shard.targets)]
    with torch.inference_mode():
        return abs(float(twin_loss(twin, *given)) - ours)


def main() -> None:
    """Do what the arguments say."""
    job, *rest = sys.argv[1:]
    if job == "compare":
        kind, hidden, feeding = rest
        result = difference(kind, int(hidden), feeding == "feeding")
    else:
        program, kind, hidden, feeding, threads = rest
        train = train_seqtool if program == "seqtool" else train_torch
        result = train(kind, int(hidden), feeding == "feeding", int(threads))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
