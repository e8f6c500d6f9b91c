"""One measurement of recurrent.py, in a process of its own; prints a line of JSON.

    python recurrent_runs.py train seqtool|torch CELL SHAPE THREADS
    python recurrent_runs.py sample seqtool|torch CELL HIDDEN THREADS
    python recurrent_runs.py product

``train``: tokens a second of whole steps (forward, backward, clipping, Adam), the median of steps
on random tokens. ``sample``: tokens a second at one sequence. ``product``: GFLOP/s of a product of
two 2048 x 2048 matrices, in as many threads as there are cores, one product each.
"""

import json
import statistics
import sys
import threading
import time
from collections.abc import Callable
from itertools import chain, islice
from typing import Any, NamedTuple

import numpy as np


class Shape(NamedTuple):
    """What is trained: sizes of the vocabulary, of embeddings and states, of a batch."""

    vocab: int
    embedding: int
    hidden: int
    layers: int
    rows: int
    steps: int

    @property
    def products(self) -> Callable[[str], float]:
        """Multiply-adds, counted as two, of the matrix products of a token, there and back."""

        def count(cell: str) -> float:
            gates = 4 if cell == "lstm" else 3
            inputs = [self.embedding, *[self.hidden] * (self.layers - 1)]
            weights = sum(gates * self.hidden * (size + self.hidden) for size in inputs)
            return 6.0 * (weights + self.hidden * self.vocab)

        return count


SHAPES = {
    "char-256": Shape(65, 64, 256, 2, 64, 64),
    "char-512": Shape(65, 64, 512, 2, 64, 64),
    "word-256": Shape(10_000, 256, 256, 1, 32, 35),
}
STEPS = 12
SAMPLED = 3000
LAYERS = 2


def median_rate(step: Callable[[], None], tokens: int) -> float:
    """Tokens a second of the median step; the first two do not count."""
    times = []
    for _ in range(STEPS):
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return tokens / statistics.median(times[2:])


def train_seqtool(cell: str, shape: Shape, threads: int) -> float:
    """As `seqtool generate train` does it."""
    from threadpoolctl import threadpool_limits

    from seqtool.nn.batches import StreamBatches
    from seqtool.nn.language_model import LanguageModel, LanguageModelSettings
    from seqtool.nn.optimisers import make_optimiser
    from seqtool.nn.shards import Shards
    from seqtool.nn.stack import StackSettings

    stack = StackSettings(cell, shape.hidden, shape.layers)
    model = LanguageModel(LanguageModelSettings(shape.vocab, shape.embedding, stack))
    model.initialise(1)
    ids = np.random.default_rng(1).integers(0, shape.vocab, 500_000).astype(np.int32)
    batches = StreamBatches(ids, shape.rows, shape.steps, 1)
    batches.start_epoch(0)
    optimiser = make_optimiser("adam", model.parameters, clip_norm=1.0)
    shards = Shards(model, threads, training=True)
    tokens, number = shape.rows * shape.steps, iter(range(STEPS))

    def step() -> None:
        batch = batches.batch(next(number))
        shards.loss(batch, 1.0 / tokens, 1, 0)
        gradients = [work.flat_gradient for work in shards.works]
        optimiser.step(model.parameters, gradients, 1e-3, threads)

    with threadpool_limits(1, "blas"):
        return median_rate(step, tokens)


def train_torch(cell: str, shape: Shape, threads: int) -> float:
    """The same by PyTorch."""
    import torch
    from torch import nn

    torch.set_num_threads(threads)
    kind = nn.LSTM if cell == "lstm" else nn.GRU
    embedding = nn.Embedding(shape.vocab, shape.embedding)
    recurrent = kind(shape.embedding, shape.hidden, shape.layers)
    output = nn.Linear(shape.hidden, shape.vocab)
    weights = [p for part in (embedding, recurrent, output) for p in part.parameters()]
    optimiser = torch.optim.Adam(weights, fused=True)
    size = (shape.steps, shape.rows)

    def step() -> None:
        inputs, targets = torch.randint(0, shape.vocab, size), torch.randint(0, shape.vocab, size)
        logits = output(recurrent(embedding(inputs))[0])
        loss = nn.functional.cross_entropy(logits.view(-1, shape.vocab), targets.view(-1))
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(weights, 1.0)
        optimiser.step()

    return median_rate(step, shape.rows * shape.steps)


def sample_seqtool(cell: str, hidden: int, half: bool) -> float:
    """The loop of `seqtool generate`; ``half``: the model was stored as float16, the default."""
    from seqtool.decode.sampling import SamplingOptions
    from seqtool.nn.language_model import LanguageModel, LanguageModelSettings
    from seqtool.nn.sampling_loop import SamplingLoop
    from seqtool.nn.stack import StackSettings

    model = LanguageModel(LanguageModelSettings(65, 64, StackSettings(cell, hidden, LAYERS)))
    model.initialise(1)
    if half:
        model.parameters.flat[:] = model.parameters.flat.astype(np.float16)
    first = np.zeros(1, np.int32)
    tokens = SamplingLoop(model).sample(first, SamplingOptions(temperature=0.8), 0)
    stream = chain.from_iterable(tokens)
    list(islice(stream, 100))
    start = time.perf_counter()
    list(islice(stream, SAMPLED))
    return SAMPLED / (time.perf_counter() - start)


def sample_torch(cell: str, hidden: int, threads: int) -> float:
    """A loop as PyTorch's users write it."""
    import torch
    from torch import nn

    torch.set_num_threads(threads)
    kind = nn.LSTM if cell == "lstm" else nn.GRU
    embedding, recurrent = nn.Embedding(65, 64), kind(64, hidden, LAYERS)
    output = nn.Linear(hidden, 65)
    token, state = torch.zeros(1, 1, dtype=torch.long), None
    count = SAMPLED // 5

    def step(token: Any, state: Any) -> Any:
        outputs, state = recurrent(embedding(token), state)
        chances = torch.softmax(output(outputs)[0, 0] / 0.8, 0)
        return torch.multinomial(chances, 1)[None], state

    with torch.inference_mode():
        for _ in range(20):
            token, state = step(token, state)
        start = time.perf_counter()
        for _ in range(count):
            token, state = step(token, state)
        return count / (time.perf_counter() - start)


def product_rate() -> float:
    """GFLOP/s of BLAS over all cores."""
    from threadpoolctl import threadpool_limits
    from timing import usable_cores

    size, count = 2048, 6

    def work() -> None:
        matrix = np.ones((size, size), np.float32)
        out = np.empty_like(matrix)
        for _ in range(count):
            np.matmul(matrix, matrix, out=out)

    with threadpool_limits(1, "blas"):
        work()
        threads = [threading.Thread(target=work) for _ in range(usable_cores())]
        start = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seconds = time.perf_counter() - start
    return len(threads) * count * 2 * size**3 / seconds / 1e9


def main() -> None:
    """Do what the arguments say."""
    job, *rest = sys.argv[1:]
    if job == "product":
        result = product_rate()
    elif job == "train":
        program, cell, shape, threads = rest
        train = train_seqtool if program == "seqtool" else train_torch
        result = train(cell, SHAPES[shape], int(threads))
    else:
        program, cell, hidden, setting = rest
        if program == "seqtool":
            result = sample_seqtool(cell, int(hidden), setting == "half")
        else:
            result = sample_torch(cell, int(hidden), int(setting))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
